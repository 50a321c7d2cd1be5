"""Facts of errors about images and boxes."""

PHRASES: dict[str, str] = {
    "{rows} rows, as images has": "{rows} 行，与 images 相同",
    "a folder of images": "图像文件夹",
    "an image or a folder of images": "一幅图像或图像文件夹",
    "files {suffixes}": "{suffixes} 文件",
    "an image": "图像",
    "images and sounds: --out, --raw": "图像和声音：--out、--raw",
    "a new folder": "新文件夹",
    "transforms that also move the pixels of masks": "也能移动掩码像素的变换",
    "{name}, which does not": "{name}，它不能",
    "folders of 8 people or more, with 4 images or more each": "至少 8 人的文件夹，每人至少 4 幅图像",
    "(N, H, W) or (N, H, W, 3) bytes": "(N, H, W) 或 (N, H, W, 3) 的字节",
    "{count} integers, one for each image": "{count} 个整数，每幅图像一个",
    "an array of NumPy": "NumPy 数组",
    "an annotation of Pascal VOC: object with name and bndbox": "Pascal VOC 标注：object 含 name 和 bndbox",
    "a document type": "文档类型声明",
    'object {row}: "{name}" {box}': "第 {row} 个目标：“{name}” {box}",
    "images": "图像",
    "1 to 10000 pixels, or (height, width)": "1 到 10000 像素，或（高，宽）",
    "0 to 10000 pixels": "0 到 10000 像素",
    "{count} images in no folder of a class": "{count} 幅图像不在类别文件夹中",
    "a folder for each class, its name the class, with the images in it": (
        "每个类别一个文件夹，文件夹名即类别，图像放在其中"
    ),
    "{count} such images of {total}": "{total} 幅中有 {count} 幅如此",
    "(N, H, W, 1 or 3), bytes or numbers from 0 to 1": "(N, H, W, 1 或 3)，字节或 0 到 1 的数",
    "images.astype('uint8'), if they are bytes": "若为字节：images.astype('uint8')",
    "images[..., None], if they are gray and have no axis of channels": (
        "若为没有通道轴的灰度图像：images[..., None]"
    ),
    "images alone": "只有图像",
    "{count} numbers below {limit}, one per image": "{count} 个小于 {limit} 的数，每幅图一个",
    "{shape} numbers up to {largest} for images {images}": "{shape} 个数，最大 {largest}，图像为 {images}",
    "{size:,} bytes of pixels from {packed:,} bytes of images": (
        "{packed:,} 字节的图像文件得到 {size:,} 字节的像素"
    ),
    "{width} x {height} pixels, more than {limit:,} or than {side:,} in a row": (
        "{width} x {height} 个像素，超过 {limit:,}，或一行超过 {side:,}"
    ),
    "a JPEG of {scans:,} scans": "有 {scans:,} 次扫描的 JPEG",
    "XML with a document type declaration": "带文档类型声明（DTD）的 XML",
}
