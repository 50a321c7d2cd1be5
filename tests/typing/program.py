"""A program of a user, checked by pyright in strict mode: public names have the expected types."""

from typing import Any, Literal, assert_type

import numpy as np

import chainrule as cr


class Scale(cr.Layer):
    factor: float = 2.0

    def __call__(self, x: cr.Node, scope: cr.Scope) -> cr.Node:
        return x * self.factor


class Squared(cr.Loss):
    def terms(self, output: cr.Node, target: cr.Node) -> cr.Node:
        return cr.square(output - target)


layers: list[cr.Layer] = [cr.Dense(8, "relu"), cr.Dropout(0.1), cr.BatchNorm(), Scale(factor=3.0)]
net = cr.Sequential(*layers, cr.Residual(cr.Dense(8)), cr.Dense(3))
assert_type(net, cr.Sequential)
assert_type(Scale(3.0).factor, float)
optimizer = cr.AdamW(cr.Warmup(10, cr.Cosine(0.01)), weight_decay=0.01)
assert_type(optimizer, cr.AdamW)
loss = cr.CrossEntropy(label_smoothing=0.1, class_weight=[1.0, 1.0, 2.0])
model = cr.Model(net, loss, optimizer, penalty=cr.L2(1e-4), clip=cr.ClipGlobalNorm(1.0), dtype="float64")
x, y = np.zeros((12, 4)), np.arange(12) % 3

history = model.fit(
    x,
    y,
    epochs=2,
    batch_size=4,
    validation=0.25,
    callbacks=[cr.EarlyStopping(), cr.CSVLog("log.csv")],
    class_weight="balanced",
    verbose=False,
)
assert_type(history[-1]["loss"], float | Any)
assert_type(history[-1]["loss"] + 1, float | Any)
assert_type(model.evaluate(x, y, metrics=["accuracy"]), dict[str, float])
assert_type(model.predict(x), np.ndarray | Any)
rows: int = model.predict(x).shape[0] + model(x).shape[0] + model.predict_proba(x).shape[0]
assert_type(model.explain(x[0], y[:1], lang="en").title, str)
assert_type(model.attribute(x, "saliency", target=0, steps=20), cr.Attribution)
assert_type(model.check(x, y, seed=1).rules, tuple[str, ...])
assert_type(model.find_learning_rate(x, y, steps=20).suggestion, float | None)
text: str = model.freeze("dense1").summary()
trainer = model.trainer(x, y, seed=0)
assert_type(trainer, cr.Trainer)
assert_type(trainer.step(x, y), float)
trainer.learning_rate = 0.1 * trainer.learning_rate
assert_type(trainer.gradients(x, y)["dense1.weight"].sum() + trainer(x).sum(), Any)
assert_type(trainer.load("trainer").evaluate(x, y), dict[str, float])
model.save("iris.model")
assert_type(cr.load("iris.model", layers=[Scale, Squared]), cr.Model)

node = cr.input("x", (None, 4), "float64")
assert_type(node, cr.Node)
assert_type(cr.exp(-node) + 1.0, cr.Node)
assert_type(cr.where(node > 0.0, cr.relu(node), cr.tanh(node)), cr.Node)
assert_type(cr.leaky_relu(cr.matmul(node, cr.constant(np.eye(4))), slope=0.1), cr.Node)
j = cr.mse(cr.sum(node, 1), [0.0, 1.0], weight=[1.0, 2.0])
assert_type(cr.grad(j, [node]), tuple[cr.Node, ...])
assert_type(cr.evaluate(j, {"x": x[:2]}), np.ndarray)
assert_type(cr.check_gradient(cr.sqrt, [np.ones(3)]), cr.GradientCheck)
assert_type(node.spec, cr.Spec)
assert_type(cr.Graph({"loss": j}), cr.Graph)
assert_type(cr.read_table({"age": [31, 47]}), cr.data.Table)
assert_type(cr.models.resnet18(classes=10), cr.Sequential)
assert_type(cr.settings.lang, Literal["en", "zh"])
error: type[Exception] = cr.errors.ShapeError
