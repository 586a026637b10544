BEGIN TRANSACTION;
CREATE TABLE api_keys (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32), 
	name TEXT NOT NULL, 
	scope VARCHAR(10) NOT NULL, 
	start VARCHAR(20) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	used_at DOUBLE, 
	secret VARCHAR(64) NOT NULL, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	UNIQUE (secret)
);
INSERT INTO "api_keys" VALUES(1,'00000000000000000000000000000001','my shop','predict','thimble_mLaAr8',1.79526828969506788255e+09,NULL,'313d54220b2e597f50cb9d77e0fc939ff779c6df94c95d8ea820d7f342ec4d5b');
CREATE TABLE categories (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	UNIQUE (project_id, folded), 
	UNIQUE (project_id, id), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
INSERT INTO "categories" VALUES(1,'00000000000000000000000000000001','cats','cats',0);
INSERT INTO "categories" VALUES(2,'00000000000000000000000000000001','dogs','dogs',1);
CREATE TABLE changed_photos (
	change_id INTEGER NOT NULL, 
	photo_id INTEGER NOT NULL, 
	project_id VARCHAR(32) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	gone BOOLEAN NOT NULL, 
	"before" TEXT, 
	PRIMARY KEY (change_id, photo_id), 
	FOREIGN KEY(change_id) REFERENCES changes (id) ON DELETE CASCADE
);
INSERT INTO "changed_photos" VALUES(1,2,'00000000000000000000000000000001','16e822004260cedf13b69cef354c83978d0abe8b0f99f5d8647b061ba66c2c1e',0,'{"id": 2, "project_id": "00000000000000000000000000000001", "category_id": 1, "sha256": "16e822004260cedf13b69cef354c83978d0abe8b0f99f5d8647b061ba66c2c1e", "name": "tom.png", "kept": false, "reason": "dropped by you", "width": 64, "height": 48, "provider": "upload", "page": "", "creator": "", "licence": "", "title": "", "added_at": 1795242727.5, "licence_url": "", "source": ""}');
CREATE TABLE changes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32) NOT NULL, 
	at DOUBLE NOT NULL, 
	words TEXT NOT NULL, 
	live INTEGER, 
	photos INTEGER NOT NULL, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
INSERT INTO "changes" VALUES(1,'00000000000000000000000000000001',1795242727.5,'moved 1 photo to ''dogs''',2,1);
CREATE TABLE corrections (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	answered TEXT NOT NULL, 
	probability DOUBLE NOT NULL, 
	is_none BOOLEAN NOT NULL, 
	"right" TEXT NOT NULL, 
	origin VARCHAR(10) NOT NULL, 
	version INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	change_id INTEGER, 
	UNIQUE (project_id, sha256), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(change_id) REFERENCES changes (id) ON DELETE CASCADE
);
INSERT INTO "corrections" VALUES(1,'00000000000000000000000000000001','94858046b01b0fb5390653f4adb139749e8051c8dbfa8475851f68e630c05976','five.png','cats',0.75,0,'dogs','api',2,1.79526828972225904463e+09,64,48,'',NULL);
CREATE TABLE embeddings (
	recipe VARCHAR(200) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	vector BLOB NOT NULL, 
	fingerprint BIGINT NOT NULL, 
	PRIMARY KEY (recipe, sha256)
);
INSERT INTO "embeddings" VALUES('lite0','16e822004260cedf13b69cef354c83978d0abe8b0f99f5d8647b061ba66c2c1e',X'0000803F0000803F0000803F',5);
CREATE TABLE finds (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32) NOT NULL, 
	category_id INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	rank INTEGER NOT NULL, 
	provider TEXT NOT NULL, 
	image TEXT NOT NULL, 
	thumbnail TEXT NOT NULL, 
	page TEXT NOT NULL, 
	title TEXT NOT NULL, 
	creator TEXT NOT NULL, 
	licence TEXT NOT NULL, 
	licence_url TEXT NOT NULL, 
	width INTEGER, 
	height INTEGER, 
	state VARCHAR(10) NOT NULL, 
	reason TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	FOREIGN KEY(project_id, category_id) REFERENCES categories (project_id, id) ON DELETE CASCADE, 
	UNIQUE (category_id, image)
);
INSERT INTO "finds" VALUES(1,'00000000000000000000000000000001',1,1,1,'openverse','https://img.example/1.jpg','','https://pages.example/1','One','Ann','CC BY 4.0','https://creativecommons.org/licenses/by/4.0/',640,480,'stored','','96554b28498fcaf51635f153a51287e6958f5641e189814da3bdc6d49ae04af3');
CREATE TABLE goals (
	category_id INTEGER NOT NULL, 
	wanted INTEGER NOT NULL, 
	PRIMARY KEY (category_id), 
	FOREIGN KEY(category_id) REFERENCES categories (id) ON DELETE CASCADE
);
CREATE TABLE jobs (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(32) NOT NULL, 
	project_id VARCHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	live BOOLEAN NOT NULL, 
	only VARCHAR(80), 
	fraction DOUBLE NOT NULL, 
	words TEXT NOT NULL, 
	message TEXT NOT NULL, 
	result TEXT NOT NULL, 
	owner VARCHAR(32) NOT NULL, 
	cancel_asked BOOLEAN NOT NULL, 
	dismissed BOOLEAN NOT NULL, 
	started_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	heartbeat_at DOUBLE NOT NULL, 
	UNIQUE (id), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	UNIQUE (only)
);
CREATE TABLE links (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32) NOT NULL, 
	token VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	UNIQUE (token)
);
INSERT INTO "links" VALUES(1,'00000000000000000000000000000001','01x9LRl_lZNhUSWiWeKSpoki2EHtp_ss',1.7952682897024879456e+09,NULL);
CREATE TABLE loose_files (
	kind VARCHAR(10) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	PRIMARY KEY (kind, "key")
);
CREATE TABLE photos (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32) NOT NULL, 
	category_id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	kept BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	provider TEXT NOT NULL, 
	page TEXT NOT NULL, 
	creator TEXT NOT NULL, 
	licence TEXT NOT NULL, 
	title TEXT NOT NULL, 
	added_at DOUBLE NOT NULL, licence_url TEXT NOT NULL DEFAULT '', source TEXT NOT NULL DEFAULT '', 
	FOREIGN KEY(project_id, category_id) REFERENCES categories (project_id, id) ON DELETE CASCADE, 
	UNIQUE (category_id, sha256)
);
INSERT INTO "photos" VALUES(1,'00000000000000000000000000000001',1,'96554b28498fcaf51635f153a51287e6958f5641e189814da3bdc6d49ae04af3','1.jpg',1,'',64,48,'openverse','https://pages.example/1','Ann','CC BY 4.0','One',1795242727.5,'https://creativecommons.org/licenses/by/4.0/','');
INSERT INTO "photos" VALUES(2,'00000000000000000000000000000001',2,'16e822004260cedf13b69cef354c83978d0abe8b0f99f5d8647b061ba66c2c1e','tom.png',0,'dropped by you',64,48,'upload','','','','',1795242727.5,'','');
INSERT INTO "photos" VALUES(3,'00000000000000000000000000000001',2,'784a478b8184d154d816172d30b920b72ed0c30607fb68d005b2718d72785cb3','rex.png',1,'',64,48,'upload','','','','',1795242727.5,'','');
CREATE TABLE phrases (
	category_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (category_id, position), 
	FOREIGN KEY(category_id) REFERENCES categories (id) ON DELETE CASCADE
);
INSERT INTO "phrases" VALUES(1,0,'tabby cat');
CREATE TABLE plans (
	project_id VARCHAR(32) NOT NULL, 
	wanted INTEGER NOT NULL, 
	openly_licensed BOOLEAN NOT NULL, 
	safe BOOLEAN NOT NULL, 
	providers TEXT NOT NULL, 
	PRIMARY KEY (project_id), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
INSERT INTO "plans" VALUES('00000000000000000000000000000001',30,1,0,'["openverse"]');
CREATE TABLE projects (
	id VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	is_example BOOLEAN NOT NULL, mode TEXT NOT NULL DEFAULT '', fixed TEXT NOT NULL DEFAULT '{}', share_refused DOUBLE PRECISION NOT NULL DEFAULT 0.05, live INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "projects" VALUES('00000000000000000000000000000001','Pets',1795242727.5,0,'','{}',0.05,2);
INSERT INTO "projects" VALUES('00000000000000000000000000000002','Never trained',1795242727.5,0,'fast','{"backbone": "lite2"}',0.1,NULL);
CREATE TABLE refused (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(32) NOT NULL, 
	category_id INTEGER, 
	name TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	added_at DOUBLE NOT NULL, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(category_id) REFERENCES categories (id) ON DELETE CASCADE
);
INSERT INTO "refused" VALUES(1,'00000000000000000000000000000001',NULL,'notes.txt','This is no picture.',1795242727.5);
CREATE TABLE rounds (
	category_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	asked INTEGER NOT NULL, 
	found INTEGER NOT NULL, 
	outcomes TEXT NOT NULL, 
	over BOOLEAN NOT NULL, 
	PRIMARY KEY (category_id, number), 
	FOREIGN KEY(category_id) REFERENCES categories (id) ON DELETE CASCADE
);
INSERT INTO "rounds" VALUES(1,1,10,1,'[{"provider": "openverse", "found": 1, "state": "found", "words": "Openverse: 1 found."}]',0);
CREATE TABLE schema_version (
	number INTEGER NOT NULL
);
INSERT INTO "schema_version" VALUES(4);
CREATE TABLE versions (
	project_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	created_at DOUBLE NOT NULL, 
	accuracy DOUBLE NOT NULL, 
	photos INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', mode TEXT NOT NULL DEFAULT '', comparison TEXT NOT NULL DEFAULT '{}', 
	PRIMARY KEY (project_id, number), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
INSERT INTO "versions" VALUES('00000000000000000000000000000001',1,1795242727.5,0.625,2,'0000000000000000000000000000000000000000000000000000000000000001','','','{}');
INSERT INTO "versions" VALUES('00000000000000000000000000000001',2,1795242727.5,0.75,3,'0000000000000000000000000000000000000000000000000000000000000002','It is better.','best','{"before": 1}');
INSERT INTO "versions" VALUES('00000000000000000000000000000001',3,1795242727.5,0.5,3,'0000000000000000000000000000000000000000000000000000000000000003','It is worse.','','{}');
CREATE INDEX ix_embeddings_sha256 ON embeddings (sha256);
CREATE INDEX jobs_by_kind ON jobs (project_id, kind);
CREATE INDEX jobs_by_owner ON jobs (owner, live);
CREATE INDEX photos_by_picture ON photos (sha256);
CREATE INDEX photos_in_conflict ON photos (project_id, sha256, kept, category_id);
CREATE INDEX photos_by_project ON photos (project_id, id);
CREATE INDEX photos_by_category ON photos (category_id, kept, id);
CREATE INDEX ix_refused_project_id ON refused (project_id);
CREATE INDEX ix_refused_category_id ON refused (category_id);
CREATE INDEX finds_by_picture ON finds (project_id, sha256);
CREATE INDEX finds_by_state ON finds (category_id, state, round, rank);
CREATE INDEX ix_changes_project_id ON changes (project_id);
CREATE INDEX changed_photos_by_picture ON changed_photos (project_id, sha256);
CREATE INDEX ix_api_keys_project_id ON api_keys (project_id);
CREATE INDEX ix_links_project_id ON links (project_id);
CREATE INDEX corrections_by_picture ON corrections (sha256);
CREATE INDEX ix_corrections_change_id ON corrections (change_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('categories',2);
INSERT INTO "sqlite_sequence" VALUES('finds',1);
INSERT INTO "sqlite_sequence" VALUES('photos',3);
INSERT INTO "sqlite_sequence" VALUES('refused',1);
INSERT INTO "sqlite_sequence" VALUES('changes',1);
INSERT INTO "sqlite_sequence" VALUES('api_keys',1);
INSERT INTO "sqlite_sequence" VALUES('links',1);
INSERT INTO "sqlite_sequence" VALUES('corrections',1);
COMMIT;
