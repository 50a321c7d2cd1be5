"""E56x: plots that cannot be drawn or saved."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E560": Entry('the plot "{plot}" does not apply to this model', "图“{plot}”不适用于此模型"),
    "E561": Entry("this training recorded no histograms", "这次训练没有记录直方图"),
    "E562": Entry("a plot cannot be saved as {ending}", "图片不能写成 {ending}"),
    "E563": Entry("the file contains no histograms of a training", "文件中没有训练的直方图记录"),
    "E564": Entry('the plot "{plot}" needs rows of data', "图“{plot}”需要数据行"),
}
