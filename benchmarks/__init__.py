"""Speed, accuracy and honesty, side by side with peers, on your photos: `python -m benchmarks`.

    a  photos to model      decode, embed, choose, fit, evaluate, advise
    b  embedding            images a second against Keras `predict` of the same network on the same pixels
    c  single prediction    from a JPEG's bytes to an answer
    d  the guide's recipe   the Keras transfer-learning guide on the same photos: seconds and accuracy
    e  cleaning             precision and recall of each finding, on the photos spoilt on purpose
    f  few photos           accuracy with 5, 10 and 20 a category beside two other heads and fine-tuning
    g  forecasts            what more photos were said to bring, beside what they brought
    h  honesty              how often the interval holds, and how far the probabilities are off
    i  none of these        photos kept out that are still known, and strangers that are not
    j  choosing time        click to report with three backbones, cold and cached, and the choice alone

Each side of a comparison runs in a process of its own, one at a time, so that neither library slows the other
and the memory of each is its own.

    parts.py        the parts by their letters; effort.py  how much of each
    photo_sets.py   which photos; draws.py  a few to learn from, the rest kept out
    worker.py       a fresh process to measure in
    speed.py        a, b, c and guide.py  d: who runs when, and what is compared
    few_photos.py, forecasts.py, honesty.py, strangers.py, choosing.py, cleaning.py   a part each
    thimble.py      what is measured of Thimble's speed, in such a process; trained.py  Thimble on draws
    peers.py        the same of Keras; rivals.py  other ways to learn from few photos
    spoiling.py     what is done to photos on purpose
    machine.py      what it ran on
    table.py        the results in words; table_draws.py  those of f to j
"""
