"""The sentence of each error code. ``docs/errors`` has a page for each, and a test that raises the error.

Fields in braces are filled with the details of the error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from chainrule.messages import Texts

CATALOG: Texts = {
    "E101": '"{name}" is not known',
    "E102": "{name} is out of its range",
    "E103": 'two parameters are called "{name}" and differ in shape',
    "E104": "a layer is required here",
    "E105": "{loss} expects {inputs}, but the network ends in {activation}",
    "E106": "there is nothing to train",
    "E107": "a callback must be a stopping rule, a callback object or a function of events",
    "E108": "class weights need one output with classes",
    "E109": 'two stopping rules are both called "{name}"',
    "E110": '"{name}" is not a known {family}',
    "E111": "this is not a record of a {family}",
    "E112": "the record of {name} has invalid settings",
    "E113": "{name} has the wrong type",
    "E114": "a record is nested too deep or too large",
    "E115": "a record cannot hold this value",
    "E116": "{name} cannot be a kind of record",
    "E117": '"{part}" does not describe a layer',
    "E118": 'the name "{name}" is taken',
    "E119": "a layer returned something that is not a node",
    "E120": 'there is no parameter "{name}"',
    "E121": 'the index does not select a single number of "{name}"',
    "E122": "the target of the sample is missing",
    "E123": "the engine {name} cannot be profiled",
    "E124": "{first} and {second} exclude each other",
    "E125": "no token is left to sample from",
    "E126": "this model cannot generate text",
    "E127": "the network has no blocks to recompute",
    "E128": "{option} does not apply to {kind}",
    "E130": "polars hangs in a forked process",
    "E131": "the arguments do not match the signature of {name}",
    "E132": "{loss} takes no targets",
    "E133": "{loss} needs targets",
    "E134": "a node has no value while the graph is built",
    "E140": "{kind}.{name} is set, but it is not a field",
    "E141": "the class {kind} cannot be a record of its fields",
    "E142": "{kind} would change if it were saved and loaded",
    "E143": "the network has {outputs} outputs, and there are {classes} classes",
    "E144": "the weights of {name} are not finite",
    "E201": "{op} needs inputs of equal shape (C1)",
    "E202": "the shapes cannot be broadcast together",
    "E203": "the last axis of the left side does not match the right side (C1)",
    "E204": "a reshape must keep the number of elements",
    "E205": "axis {axis} does not exist",
    "E206": "the slice reaches outside the axis",
    "E207": "all parts must have the same shape except along the concatenated axis",
    "E208": "{op} needs {constraint}",
    "E209": "an array does not match its input",
    "E210": "an array for this input is missing",
    "E211": "an index is out of range of the table",
    "E212": "the size {size} cannot be inferred from any input",
    "E213": "{op} needs images with the channels last",
    "E214": "{op} cannot divide the channels into the groups",
    "E215": "the window is wider than the image",
    "E216": "{op} inverts an operation with another output shape",
    "E217": "the weights of {op} do not match the channels",
    "E218": "the settings of {op} do not match its axes",
    "E219": "a pooling window contains only padding",
    "E220": "{op} needs a sequence of vectors",
    "E221": "{op} cannot split the channels evenly into its {what}",
    "E222": "the mask of {op} has the wrong shape",
    "E223": "{op} cannot run token by token",
    "E224": "the sequence is longer than the positions of {op}",
    "E225": "the cache is full",
    "E226": "the sequences passed to {op} do not match",
    "E227": "the inputs of a loop do not match its step",
    "E228": "the sequences of a loop differ in length",
    "E229": "the prompt fills the context",
    "E230": "{op} needs at least two values to compute a variance",
    "E231": "{op} needs the values and the indices of a max pooling",
    "E232": "{op} cannot crop the image to the size of the inner output",
    "E233": "{op} needs images of another size",
    "E234": "{dtype} does not represent this integer",
    "E235": "this input takes integers ({dtype})",
    "E236": "{loss} does not return a loss for each sample",
    "E251": "the dtype {dtype} is not supported",
    "E252": "{op} needs inputs of one dtype",
    "E253": "{op} needs {kind} numbers",
    "E271": "{op} has no gradient: {reason}",
    "E272": "the output does not depend on this input",
    "E273": "a gradient requires a scalar floating-point output",
    "E274": "the gradient disagrees with finite differences",
    "E275": "a sample has no gradient of its own: {op} combines the samples of a batch",
    "E276": "the gradient of each sample cannot be computed through {op}",
    "E301": "the file cannot be opened",
    "E302": '"{name}" is neither a table nor the name of a data set',
    "E303": "the file is empty",
    "E304": "the table has no rows",
    "E305": "column names must be unique and not empty",
    "E306": "a row has more or fewer fields than the header",
    "E307": "the file is not text in a known encoding",
    "E308": "a part of the file is too large for a table",
    "E309": "the quotes of a cell do not match",
    "E310": "the first line contains data, not column names",
    "E311": '"{value}" is not a number, but the column is numeric',
    "E312": "a number is infinite",
    "E313": 'there is no column "{name}"',
    "E314": "a column has an unsupported type",
    "E315": 'the data set "{name}" is not installed and cannot be downloaded',
    "E316": "the file is damaged or has another format",
    "E317": "the columns differ in length",
    "E318": '"{value}" is neither yes nor no',
    "E319": "no target column is given",
    "E320": 'the target "{column}" is missing',
    "E321": "the target has only one class",
    "E322": "class {label} has only one row",
    "E323": "the target is constant",
    "E324": 'the target "{column}" does not match the task',
    "E325": "no column can be used as an input",
    "E326": "the table lacks columns that the model was trained on",
    "E327": "it is not clear which table of the file is meant",
    "E328": "the record of the preparation is not valid",
    "E329": 'class "{label}" did not occur in training',
    "E330": "these fractions do not define a split",
    "E331": "there are too few rows for this split",
    "E332": '"{value}" is not a date, time or duration',
    "E333": 'column "{column}" cannot divide the rows',
    "E334": 'column "{column}" contains an invalid weight',
    "E338": "the query cannot be run",
    "E339": 'the downloaded files of the data set "{name}" differ from the published ones',
    "E340": "an array contains values that are not real numbers",
    "E341": "an array has the wrong shape",
    "E342": "an array contains an invalid number",
    "E343": "an array is empty",
    "E344": "arrays differ in their number of rows",
    "E345": 'the order of day and month in column "{column}" is not known, or not that of the training',
    "E350": "the required library {library} is not installed",
    "E351": "the folder has no images where they are expected",
    "E352": "an image cannot be decoded",
    "E353": "the images differ in size",
    "E354": "an array does not contain images",
    "E355": "the record of the augmentation is not valid",
    "E356": '"{part}" does not describe an image transform',
    "E360": "there is no text to learn from",
    "E361": "{number} is not the id of a token",
    "E362": "the record of the tokenizer is not valid",
    "E363": "a sequence is empty",
    "E364": "a sequence is too long",
    "E365": '"{token}" is not in the vocabulary',
    "E367": "the folder contains no sentence pairs",
    "E368": "the text contains nothing that can be pronounced",
    "E370": "the file contains no readable sound",
    "E371": "the sample rate does not match",
    "E372": "the sound is shorter than one frame",
    "E375": "the series is shorter than one window",
    "E376": "the rows are not in time order",
    "E380": "the file contains no array that can be memory-mapped by rows",
    "E381": "no process can be started that decodes the file",
    "E390": "the molecule cannot be read",
    "E401": "there is no such file",
    "E402": "this path is not a regular file",
    "E403": "no permission to {action} this file",
    "E404": "the file is too large to read",
    "E405": "the disk is full",
    "E406": "the file system is read-only",
    "E407": "the folder does not exist",
    "E408": "the file would exceed the size limit of the system",
    "E409": "this is not a valid file name",
    "E410": "the system could not {action} the file",
    "E411": "the file is not UTF-8 text",
    "E412": "the output could not be written",
    "E420": "the file is corrupted",
    "E421": "this file was not written by chainrule",
    "E422": "the file was written by a newer chainrule",
    "E423": "this is another kind of file",
    "E424": "the content of the file violates the format",
    "E425": "this record cannot be saved",
    "E426": "this array cannot be saved",
    "E427": "the file describes a network far larger than the file itself",
    "E430": "another process is training in this folder",
    "E431": "none of the checkpoints can be read",
    "E432": "the path of the run is not a folder",
    "E433": "the run folder was deleted, moved or replaced during the training",
    "E434": "a run folder contains a link, which is not followed",
    "E440": "the arrays belong to another network",
    "E450": "the file contains no supported weights",
    "E451": "the weights file is damaged",
    "E452": 'the file requests "{name}", which weights do not need; the request was refused',
    "E453": "the file contains a complete PyTorch model with its code instead of weights",
    "E454": "it is ambiguous which part of the file contains the weights",
    "E455": "the weights belong to another network",
    "E456": "the file contains an unsupported dtype",
    "E457": "a model in several files is incomplete",
    "E458": "the ONNX file is damaged or too large",
    "E459": '"{name}" of the ONNX file is not supported',
    "E460": "this is not a property that can be read",
    "E461": "the property belongs to another network",
    "E462": "a file of the format {name} cannot contain this model",
    "E463": "the exported file computes other values than the model in {program}; it was not written",
    "E464": "there is no program to compare the file with: {program}",
    "E470": '"{name}" of a network of another library is not supported',
    "E471": "the description of a network is damaged or contradicts its weights",
    "E501": "a number became NaN or infinite: {cause}",
    "E502": "the network outputs {outputs} scores, but the data has {classes} classes",
    "E503": "the model is not trained yet",
    "E504": "the targets do not match the output of the network",
    "E505": "the training to resume is a different one",
    "E506": "this label did not occur in the training",
    "E507": "the model predicts something else",
    "E508": "{what} does not fit into the free memory",
    "E509": "no alignment of the frames yields this target",
    "E510": "no metric can compare these targets and predictions",
    "E511": "the callback {callback} failed",
    "E512": "the existing file is not a log of this kind",
    "E513": "no learning rate in this range can be tried",
    "E530": "the training has no update {step}",
    "E531": "cannot replay the update: the initial parameters were not saved",
    "E532": "the replayed training differs from the recorded one",
    "E533": "cannot replay updates: the settings of the training were not saved",
    "E540": "the values of {method} do not sum to the difference that they explain",
    "E541": "the network lacks what the method needs: {what}",
    "E542": "the baseline does not match the inputs",
    "E543": "the method needs {what}",
    "E544": "the output to explain is missing or unknown",
    "E545": "exact Shapley values of {players} parts need 2^{players} predictions",
    "E546": "no change of at most {max_changes} columns leads to this prediction: {target}",
    "E547": "the model cannot predict this",
    "E548": "the prediction is already the requested one: {target}",
    "E549": "the possible values of the columns are not known",
    "E550": "the diagnosis in the file cannot be read",
    "E551": "the stored gradients do not belong to this network",
    "E552": "no diagnosis of this training was saved",
    "E555": "the record of the non-finite tracer cannot be read",
    "E560": 'the plot "{plot}" does not apply to this model',
    "E561": "this training recorded no histograms",
    "E562": "a plot cannot be saved as {ending}",
    "E563": "the file contains no histograms of a training",
    "E564": 'the plot "{plot}" needs rows of data',
    "E570": "this needs a classifier with one output",
    "E571": "robust training is not possible for this network",
    "E573": "the training would start from parameters whose rows are not protected",
    "E580": 'the operation "{op}" has no rule for bounds',
    "E581": 'the operation "{op}" combines samples, so none can be bounded on its own',
    "E582": "this model cannot be certified",
    "E590": "a private training cannot use this: {name}",
    "E591": "this would reveal the rows or the noise of a private training",
    "E592": "epsilon {epsilon} is too small for this data: the noise would hide it",
    "E593": "a private training diverged in step {step}",
    "E594": "the steps of a private training are not accounted for",
    "E601": "{option} {problem}",
    "E602": "this folder already contains a training",
    "E603": "the training to resume has other options",
    "E604": "there is no training to resume",
    "E605": "the configuration file of the run is invalid",
    "E606": "there is no row {row}",
    "E607": "DATA is not what this model takes",
    "E608": "a column has two conflicting options",
    "E609": "the output would overwrite a file",
    "E610": "this folder contains no model",
    "E611": "a threshold needs exactly two classes",
    "E612": "this model has no calibration",
    "E613": "these are not the rows of the training",
    "E614": "the storage of a search cannot be used",
    "E621": "the server cannot listen on this address",
    "E622": "a model of this kind is not served",
    "E623": "this file contains no usable token",
}
DETAILS: dict[str, Texts] = {"E601": {"problem": "cannot be used in this way"}}
"""Texts of details that an error need not state."""


# The documentation pages of error codes: meaning, a program that raises the error, and how to fix it.
#
# The pages are Markdown, ``docs/errors/E203.md`` in the repository and ``errors/pages/E203.md`` in the wheel
# (``force-include`` in ``pyproject.toml``), so that ``chainrule show error E203`` works without the
# repository. A page contains the title, paragraphs, sections and a last paragraph in Chinese that begins with
# ``中文：``.

FOLDERS = (Path(__file__).with_name("pages"), Path(__file__).parents[3] / "docs" / "errors")
CHINESE, INDENT = "中文：", "    "


def page_text(code: str) -> str:
    """Return the Markdown text of the page of a code, or ``""`` if it is not installed.

    Example:
        >>> page_text("E203").splitlines()[0]
        '# E203: inner axes of a matrix product differ'
    """
    files = (folder / f"{code}.md" for folder in FOLDERS if code in CATALOG)
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), "")


def page_lines(code: str, lang: str = "en") -> list[str]:
    """Return the lines of a page for a terminal, without its title.

    In English this is the page without its Chinese paragraph; in Chinese that paragraph, then the example.
    """
    english, _, chinese = page_text(code).partition(f"\n{CHINESE}")
    lines = list(_unmarked(english.splitlines()[2:]))
    if lang == "zh":
        example = [line for line in lines if line.startswith(INDENT)]
        return [*chinese.strip().splitlines(), "", *example]
    return lines


def _unmarked(lines: Iterable[str]) -> Iterator[str]:
    """Convert lines of Markdown to plain text: code is indented, the marks of headings are removed."""
    is_code = False
    for line in lines:
        if line.startswith("```"):
            is_code = not is_code
        elif is_code:
            yield f"{INDENT}{line}"
        else:
            yield line.removeprefix("## ")
