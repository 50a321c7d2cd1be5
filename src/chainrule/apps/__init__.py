"""The applications: the command line.

Input: words typed in a terminal. Output: texts, tables, files and an exit code. This package contains no
mathematics and no workflow: every value comes from a lower package.

    cli/main.py              entry point: finds the command, prints errors, returns the exit code
    cli/command_line.py      from words to the function of a command, by typer
    cli/commands/            one file per command
    cli/model_and_rows.py    a trained model and the rows of a command
    cli/tables.py            columns, layers and results, printed by chainrule.page.screen
    cli/views/               one file per kind of thing that is printed
    cli/texts.py             all texts in English and Chinese
"""
