"""What to write in another program to ask a model; each is whole, and runs as it stands once it has a key."""

import json
import shlex

NO_KEY = "YOUR_KEY"  # what stands where a key belongs
PHOTO = "photo.jpg"  # what stands where the photo belongs

_CURL = """\
curl -H {header} \\
  -F file=@{photo} \\
  {endpoint}
"""

_PYTHON = """\
import requests

with open({photo}, "rb") as photo:
    response = requests.post(
        {endpoint},
        headers={{"Authorization": {bearer}}},
        files={{"file": photo}},
        timeout=30,
    )
response.raise_for_status()
answer = response.json()["predictions"][0]
print(answer["label"] or "None of these", f"{{answer['probability']:.0%}}")
"""

# As a module (.mjs) for Node 20 or newer; the same `fetch` works on a web page.
_JAVASCRIPT = """\
import {{ openAsBlob }} from "node:fs"; // on a web page: input.files[0] instead

const form = new FormData();
form.append("file", await openAsBlob({photo}), {photo});
const response = await fetch({endpoint}, {{
  method: "POST",
  headers: {{ Authorization: {bearer} }},
  body: form,
}});
if (!response.ok) throw new Error(await response.text());
const answer = (await response.json()).predictions[0];
console.log(answer.label ?? "None of these", `${{Math.round(100 * answer.probability)}}%`);
"""


def snippets(address: str, project_id: str, key: str = NO_KEY) -> dict[str, str]:
    """Programs by language, each asking the live model of a project about one photo.

    `address` is where this app is reached, like "http://192.168.1.5:8501", with or without a slash at its end.
    """
    endpoint = f"{address.rstrip('/')}/api/v1/models/{project_id}/predict"
    bearer = f"Bearer {key}"
    header = shlex.quote(f"Authorization: {bearer}")
    # A JSON string is a string of Python and of JavaScript as well, whatever the address holds.
    quoted = {"endpoint": json.dumps(endpoint), "bearer": json.dumps(bearer), "photo": json.dumps(PHOTO)}
    return {
        "curl": _CURL.format(header=header, photo=PHOTO, endpoint=shlex.quote(endpoint)),
        "Python": _PYTHON.format(**quoted),
        "JavaScript": _JAVASCRIPT.format(**quoted),
    }
