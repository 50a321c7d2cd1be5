"""E4xx: model files, checkpoints and run folders that cannot be read or written."""

from chainrule.errors.catalog.entry import Entry

ENTRIES: dict[str, Entry] = {
    # E40x, E41x: errors of the operating system.
    "E401": Entry("there is no such file", "没有这个文件"),
    "E402": Entry("this path is not a regular file", "该路径不是普通文件"),
    "E403": Entry("no permission to {action} this file", "没有权限{action_zh}此文件"),
    "E404": Entry("the file is too large to read", "文件太大，无法读取"),
    "E405": Entry("the disk is full", "磁盘空间不足"),
    "E406": Entry("the file system is read-only", "文件系统是只读的"),
    "E407": Entry("the folder does not exist", "文件夹不存在"),
    "E408": Entry("the file would exceed the size limit of the system", "文件大小超出系统允许的上限"),
    "E409": Entry("this is not a valid file name", "文件名无法使用"),
    "E410": Entry("the system could not {action} the file", "系统无法{action_zh}此文件"),
    "E411": Entry("the file is not UTF-8 text", "文件不是 UTF-8 文本"),
    "E412": Entry("the output could not be written", "输出无法写入"),
    # E42x: the format of model files and checkpoints.
    "E420": Entry("the file is corrupted", "文件已损坏"),
    "E421": Entry("this file was not written by chainrule", "此文件不是由 chainrule 写出的"),
    "E422": Entry("the file was written by a newer chainrule", "此文件由更新版本的 chainrule 写出"),
    "E423": Entry("this is another kind of file", "文件的种类不符"),
    "E424": Entry("the content of the file violates the format", "文件内容违反格式规定"),
    "E425": Entry("this record cannot be saved", "文件无法保存这份记录"),
    "E426": Entry("this array cannot be saved", "文件无法保存这个数组"),
    "E427": Entry(
        "the file describes a network far larger than the file itself", "文件描述的网络远大于文件本身"
    ),
    # E43x: run folders.
    "E430": Entry("another process is training in this folder", "另一个进程正在此文件夹中训练"),
    "E431": Entry("none of the checkpoints can be read", "没有一个检查点可以读取"),
    "E432": Entry("the path of the run is not a folder", "训练结果应是文件夹，而此路径不是"),
    "E433": Entry(
        "the run folder was deleted, moved or replaced during the training",
        "训练进行时，其文件夹被删除、移走或替换",
    ),
    "E434": Entry("a run folder contains a link, which is not followed", "训练结果文件夹中有链接，不会跟随"),
    # E44x: the content of model files and checkpoints.
    "E440": Entry("the arrays belong to another network", "文件中的数组属于另一个网络"),
}
