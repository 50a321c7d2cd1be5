"""What a person runs: the command line, its report and the examples.

In: words typed in a terminal. Out: texts, tables, files, and an exit code. This room contains no mathematics:
every number comes from a lower room, and what is written here is only who is asked, in which order, and how
it is shown.

::

    cli.py          the door: finds the command, shows every error in one form, gives the exit code
    terminal.py     from words to a command's function, by typer
    commands/       one file for each command
    option.py       the options of a training, and config.toml
    study.py        a table understood, split and prepared
    course.py       one training from its options to its RUN folder
    run.py          where a RUN is, and whether it may be written
    model.py        a trained model that is asked about tables
    screen.py       the terminal: tables, notices
    view.py         columns, layers and results as tables
    word.py         every text, in English and Chinese
    report/         report.html
    examples/       networks to look at, one file each
"""
