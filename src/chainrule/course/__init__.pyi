# Written by python -m pages.stub from __init__.py.

from chainrule.course.part import blocks as blocks
from chainrule.course.part import catalog as catalog
from chainrule.course.part import code_and_output as code_and_output
from chainrule.course.part import notebook as notebook
from chainrule.course.part import part_text as part_text
from chainrule.course.part import parts as parts
from chainrule.course.part import title as title
from chainrule.course.part import translated_page as translated_page
from chainrule.course.part import with_plain_formulas as with_plain_formulas
from chainrule.course.part import without_solutions as without_solutions
from chainrule.course.presentation import slides as slides
