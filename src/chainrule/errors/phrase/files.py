"""What errors about files, folders of trainings and commands expect, received and advise."""

PHRASES: dict[str, str] = {
    # reading and writing
    "a file named {}": "名为 {} 的文件",
    "a folder of {#} other names": "含另外 {} 个名称的文件夹",
    "an empty folder": "空文件夹",
    "a folder at {}": "文件夹 {}",
    "a folder, or a path where one can be made": "文件夹，或可以新建文件夹的路径",
    "permission to write {}": "对 {} 的写权限",
    "permission to read {}": "对 {} 的读权限",
    "permission denied": "没有权限",
    "quota used up": "配额已用完",
    "{#} bytes free in {}": "{1} 中有 {0} 字节空闲",
    "{#} bytes free": "空闲 {} 字节",
    "{#} bytes needed, {#} bytes free": "需要 {} 字节，空闲 {} 字节",
    "free some space, or write to another disk": "腾出空间，或写到另一块磁盘",
    "a disk that can be written": "可写的磁盘",
    "a read-only one": "只读磁盘",
    "write to another folder, such as one in ~": "写到另一个文件夹，例如 ~ 下的",
    "a smaller file": "更小的文件",
    "at most {#} bytes": "至多 {} 字节",
    "{#} bytes": "{} 字节",
    "more than {#} bytes": "多于 {} 字节",
    "a header of {#} bytes": "{} 字节的文件头",
    "{#} bytes after its length": "长度之后有 {} 字节",
    "use a copy or an earlier checkpoint, or fetch the file again": (
        "使用副本或更早的检查点，或重新获取该文件"
    ),
    "a chainrule file": "chainrule 的文件",
    "a file of another format": "其他格式的文件",
    "a safetensors file without chainrule's record": "没有 chainrule 记录的 safetensors 文件",
    "give a file that model.save(...) or chainrule train wrote": (
        "给出 model.save(...) 或 chainrule train 写的文件"
    ),
    "give a {} file": "给出 {} 文件",
    "characters that a file name can hold": "文件名允许的字符",
    "check that it is the file you mean: ls -l shows its size": "确认是不是这个文件：ls -l 可看大小",
    "format version {#} or less": "格式版本不高于 {}",
    "format version {#}": "格式版本 {}",
    "names in Unicode, arrays of {}": "Unicode 名称，类型为 {} 的数组",
    "texts, finite numbers, booleans, None, lists, and dicts with text keys": (
        "文本、有限的数、布尔值、None、列表，以及键为文本的字典"
    ),
    "float(x), int(x) or x.tolist() for a NumPy value; None for a number that is not known": (
        "NumPy 值用 float(x)、int(x) 或 x.tolist()；未知的数用 None"
    ),
    "a model's record": "模型记录",
    "do not trust this file: its checksum is right, so it was made this way": (
        "不要信任此文件：校验和正确，说明它就是这样制作的"
    ),
    "the record of a training": "训练记录",
    "a history of columns and rows": "由行和列组成的训练历史",
    "a number or null for each column": "每列一个数或 null",
    "no usable {}": "没有可用的 {}",
    "a checkpoint to go on from": "可以继续的检查点",
    "{#} that cannot be used": "{} 个，都不可用",
    "train again without --resume": "去掉 --resume 重新训练",
    "train again without --resume, or with the options of before": "去掉 --resume 重新训练，或使用原来的选项",
    "byte 0x{} at place {#}": "第 {1} 个位置的字节 0x{0}",
    "strict JSON": "严格的 JSON",
    "a plan": "计划",
    "plan": "计划",
    "a plan's record": "计划的记录",
    "write it again: model.plan().save(path)": "重新写出：model.plan().save(path)",
    "another path, or remove the file if it is not needed": "换一个路径；若不再需要，删去该文件",
    # folders of trainings
    "a free folder": "没有被占用的文件夹",
    "process {#} on {}, at work since {}": "{1} 上的进程 {0}，开始于 {2}",
    "wait for it, or end it on {} with: kill {#}": "等它结束，或在 {} 上终止它：kill {}",
    "a new folder": "新文件夹",
    "a new file": "新文件",
    "--resume to go on, or another --out": "用 --resume 继续，或换一个 --out",
    "the folder of a training": "训练结果文件夹",
    "a folder with {}": "含 {} 的文件夹",
    "a folder to go on from": "可以继续的文件夹",
    "train without --resume": "训练时去掉 --resume",
    "an unfinished training": "尚未完成的训练",
    "none": "无",
    "nothing": "什么也没有",
    "neither": "两者都没有",
    "others": "其他",
    "the options of before, or none": "原来的选项，或不给选项",
    "the options of a training": "训练的选项",
    "leave these options out, or train into another --out": "去掉这些选项，或训练到另一个 --out",
    "{}: {}, now {}": "{}：{}，现在 {}",
    "the rows of before": "原来的数据行",
    "other rows in {}": "{} 中是另外的数据行",
    "the same net, data and options as before": "与原来相同的网络、数据和选项",
    "a model trained on a table": "用表格训练的模型",
    "trained on arrays": "用数组训练",
    "valid Unicode": "有效的 Unicode",
    "findings, as a training writes them": "训练写出的诊断记录",
    "train again, or delete the file": "重新训练，或删去该文件",
    "train again: notes are kept by default": "重新训练：默认会保留诊断记录",
    "the record of a black box": "黑匣子记录",
    "train again; the next fault writes it anew": "重新训练；下次故障会重新写出",
    # commands
    "rows, or --text": "数据行，或 --text",
    "DATA with --row or --step, or --text alone; --set with --row or --text": (
        "DATA 加 --row 或 --step，或只用 --text；--set 与 --row 或 --text 合用"
    ),
    "{} NAME, model NAME, rule NAME, net WORDS, or a RUN alone": (
        "{} 名称、model 名称、rule 名称、net 描述，或单独一个 RUN"
    ),
    "a name that ends in {}": "以 {} 结尾的名称",
    "no name": "没有名称",
    "{#} to {#}": "{} 到 {}",
    "a model made with tokenizer=...": "用 tokenizer=... 建立的模型",
    "no tokenizer": "没有分词器",
    # settings
    "bytes, or 0 for all that are free": "字节数，0 表示全部空闲内存",
    # weights of others
    "a safetensors or PyTorch file": "safetensors 或 PyTorch 文件",
    "a state_dict: tensors by name": "state_dict：按名称存放的张量",
    "one dict of tensors by name": "一个按名称存放张量的字典",
    "all {#} arrays of the net, and no others": "网络的全部 {} 个数组，且没有多余的",
    "{#} that fit; {#} faults": "{} 个相符；{} 处不符",
    "missing in the file: {}": "文件中缺失：{}",
    "a whole zip archive": "完整的 zip 文件",
    "File is not a zip file": "文件不是 zip 文件",
    "a folder that has {}": "含有 {} 的文件夹",
    "of other shape: {}": "形状不同：{}",
    "unexpected in the file: {}": "文件中多余：{}",
    'skip="head" for parts that shall keep their first values, or strict=False': (
        '对保持初值的部分用 skip="head"，或 strict=False'
    ),
    "a cr.Model or a layer": "cr.Model 或层",
    "cr.load_weights(target, file, x): a row of inputs tells their shape": (
        "cr.load_weights(target, file, x)：一行输入说明形状"
    ),
    "model.float() in PyTorch before the weights are saved": "保存权重之前在 PyTorch 中调用 model.float()",
    # the file system
    "the path of a file": "文件的路径",
    "permission to read it": "读权限",
    "check the disk, or write to another one": "检查磁盘，或写到另一块磁盘",
    "check the disk, or read a copy of the file": "检查磁盘，或读取该文件的副本",
    "a file in {}": "{} 中的文件",
    "check the path with ls": "用 ls 检查路径",
    "give a path whose folders are folders": "给出各级都是文件夹的路径",
    "names of at most {#} bytes": "至多 {} 字节的名称",
    "give it a shorter name": "起一个短一些的名称",
    "a device, pipe or socket": "设备、管道或套接字",
    "nothing at {}": "{} 处什么也没有",
    "a shorter path": "短一些的路径",
    "{#} bytes in all": "共 {} 字节",
    "give a path of fewer folders": "给出文件夹层数少一些的路径",
    "another process": "另一个进程",
    "wait for it, or give another --out": "等它结束，或换一个 --out",
    "{} is not a {}": "{} 不是 {}",
    "{} cannot be the name of an array": "{} 不能作为数组的名称",
    "fetch all files of the model into one folder": "把模型的所有文件下载到同一个文件夹",
    "an empty file": "空文件",
    'in PyTorch, where you trust the file: torch.save(model.state_dict(), "weights.pt")': (
        '若信任该文件，在 PyTorch 中：torch.save(model.state_dict(), "weights.pt")'
    ),
    "fetch the file again and compare its size or checksum with the publisher's": (
        "重新下载，并与发布者给出的大小或校验和比较"
    ),
    "tensors, and dicts, lists, texts and numbers around them": "张量，以及包含它们的字典、列表、文本和数字",
    "{} is missing": "缺少 {}",
    "a smaller net: with one sample in a batch it does not fit either": "更小的网络：每批一个样本也放不下",
}
