"""Speed and accuracy, side by side with peers, on your photos: `python -m benchmarks`.

    a  photos to model      decode, embed, choose, fit, evaluate
    b  embedding            images a second against Keras `predict` of the same network on the same pixels
    c  single prediction    from a JPEG's bytes to an answer
    d  the guide's recipe   the Keras transfer-learning guide on the same photos: seconds and accuracy
    e  cleaning             precision and recall of each finding, on the photos spoilt on purpose

Each side of a comparison runs in a process of its own, one at a time, so that neither library slows the other
and the memory of each is its own.

    photo_sets.py   which photos, and how they are split
    worker.py       a fresh process to measure in
    thimble.py      what is measured of Thimble, in such a process
    peers.py        the same of Keras
    cleaning.py     the photos spoilt and cleaned, in such a process
    parts.py        a, b, c, d and e: who runs when, and what is compared
    machine.py      what it ran on
    table.py        the results in words
"""
