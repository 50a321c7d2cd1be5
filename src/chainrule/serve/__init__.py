"""A trained model behind an address: ``chainrule serve RUN``.

Input: model files, and requests of HTTP. Output: predictions, explanations and measurements as JSON, and in
the Open Inference Protocol. Who may ask and how a process runs is in ``web``; predictions are those of
``tabular`` and ``inputs``, so that a server predicts a row as ``chainrule predict`` does.

    models.py              a model by name and version, its fields, and its predictions
    forms.py               fields of a request: columns of a table, arrays, texts, files
    batch_queue.py         micro-batches: a thread with a bounded queue for each model
    inference_protocol.py  tensors of the Open Inference Protocol, as JSON and as bytes
    routes.py              the application: paths and their responses
    measurements.py        what ``/metrics`` counts;  the latest rows, for ``/drift``
"""
