"""E4xx: a model file, a checkpoint or a run folder that cannot be read or written."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    # E40x, E41x: what the operating system answers when a file is read or written.
    "E401": Entry("there is no such file", "没有这个文件"),
    "E402": Entry("this path is not a plain file", "该路径不是普通文件"),
    "E403": Entry("no permission to {action} this file", "没有权限{action_zh}此文件"),
    "E404": Entry("the file is too large to read", "文件太大，无法读取"),
    "E405": Entry("the disk is full", "磁盘空间不足"),
    "E406": Entry("the file system is read-only", "文件系统是只读的"),
    "E407": Entry("the folder does not exist", "文件夹不存在"),
    "E408": Entry("the file would be larger than the system allows", "文件大小超出系统允许的上限"),
    "E409": Entry("a file cannot have this name", "文件名无法使用"),
    "E410": Entry("the system could not {action} the file", "系统无法{action_zh}此文件"),
    "E411": Entry("the file is not UTF-8 text", "文件不是 UTF-8 文本"),
    # E42x: what is inside a model file or a checkpoint.
    "E420": Entry("the file is corrupted", "文件已损坏"),
    "E421": Entry("this file was not written by chainrule", "此文件不是由 chainrule 写出的"),
    "E422": Entry("the file was written by a newer chainrule", "此文件由更新版本的 chainrule 写出"),
    "E423": Entry("this is a file of another kind", "文件的种类不符"),
    "E424": Entry("the content of the file breaks a rule of the format", "文件内容违反格式规定"),
    "E425": Entry("a file cannot hold this record", "文件无法保存这份记录"),
    "E426": Entry("a file cannot hold this array", "文件无法保存这个数组"),
    "E427": Entry(
        "the file describes a network far larger than the file itself", "文件描述的网络远大于文件本身"
    ),
    # E43x: a run folder.
    "E430": Entry("another process is training in this folder", "另一个进程正在此文件夹中训练"),
    "E431": Entry("none of the checkpoints can be read", "没有一个检查点可以读取"),
    "E432": Entry("a run is a folder, and this is not one", "训练结果应是文件夹，而此路径不是"),
    "E433": Entry(
        "the folder of the training was deleted, moved or replaced while it ran",
        "训练进行时，其文件夹被删除、移走或替换",
    ),
    "E434": Entry("a run folder contains a link, which is not followed", "训练结果文件夹中有链接，不会跟随"),
    # E44x: the content of a checkpoint or model.
    "E440": Entry("the arrays belong to another net", "文件中的数组属于另一个网络"),
}
