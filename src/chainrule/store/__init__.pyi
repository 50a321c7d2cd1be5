# Written by python -m pages.stub from __init__.py.

from chainrule.store.run_folder import Checkpoint as Checkpoint
from chainrule.store.run_folder import RunFolder as RunFolder
