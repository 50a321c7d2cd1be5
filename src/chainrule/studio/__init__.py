"""A network in a browser: ``chainrule studio``.

Input: a table, a run folder or drawn points, and the requests of a page on the same machine. Output: the data
as columns, the network as a drawing, a training that can be paused and rewound, and the chain rule for every
weight. Nothing is computed here that a command does not compute: columns are those of ``check``, trainings
those of ``train``, derivations those of ``explain``.

    project.py        the options of a training, and what they mean: columns, layers, programs
    points.py         tables of two inputs: drawn points and small sets
    step_view.py      one step: the drawing of its values, and the derivation of each of them
    predictions.py    the prediction for a row, its reasons, counterfactuals and attacks
    page_records.py   sections of pages, and layers, as JSON;  page_errors.py  errors
    trainings.py      trainings, each in its process, seen from the server
    training_process.py   such a process: pause, step, frames of its state
    frames.py         what a frame contains: weights, distributions, the decision surface
    exports.py        files to take away
    application.py    paths and their responses;  service.py  the process
    workbench.py      the one project that all pages of a studio see
    texts.py          the texts of the page
    static/           the page: modules of JavaScript without a build step; vendor/ has its libraries
"""
