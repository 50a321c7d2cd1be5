# Written by python -m pages.stub from __init__.py.

from chainrule.models.alexnet import alexnet as alexnet
from chainrule.models.alexnet import alexnet_2012 as alexnet_2012
from chainrule.models.bert import bert as bert
from chainrule.models.gpt import gpt2 as gpt2
from chainrule.models.lenet import lenet5 as lenet5
from chainrule.models.mobilenet import mobilenet_v3_small as mobilenet_v3_small
from chainrule.models.model_card import ModelCard as ModelCard
from chainrule.models.recurrent import gru_classifier as gru_classifier
from chainrule.models.recurrent import gru_language_model as gru_language_model
from chainrule.models.recurrent import lstm_classifier as lstm_classifier
from chainrule.models.recurrent import lstm_language_model as lstm_language_model
from chainrule.models.resnet import resnet101 as resnet101
from chainrule.models.resnet import resnet18 as resnet18
from chainrule.models.resnet import resnet20 as resnet20
from chainrule.models.resnet import resnet34 as resnet34
from chainrule.models.resnet import resnet50 as resnet50
from chainrule.models.resnet import resnet56 as resnet56
from chainrule.models.transformer import transformer as transformer
from chainrule.models.unet import unet as unet
from chainrule.models.vgg import vgg16 as vgg16
from chainrule.models.vit import vit as vit
from chainrule.lazy_imports import LazyRegistry

MODELS: LazyRegistry[ModelCard]
