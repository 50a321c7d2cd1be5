# Written by python -m pages.stub from __init__.py.

from chainrule.page.charts import BLUE as BLUE
from chainrule.page.charts import Bar as Bar
from chainrule.page.charts import COLORS as COLORS
from chainrule.page.charts import Frame as Frame
from chainrule.page.charts import GRAY as GRAY
from chainrule.page.charts import GREEN as GREEN
from chainrule.page.charts import ORANGE as ORANGE
from chainrule.page.charts import PALE as PALE
from chainrule.page.charts import against as against
from chainrule.page.charts import bar_chart as bar_chart
from chainrule.page.charts import calibration as calibration
from chainrule.page.charts import curves as curves
from chainrule.page.png import encode_png as encode_png
from chainrule.page.result_pages import Box as Box
from chainrule.page.result_pages import Figure as Figure
from chainrule.page.result_pages import heat_pixels as heat_pixels
from chainrule.page.result_pages import image_page as image_page
from chainrule.page.result_pages import markup_table as markup_table
from chainrule.page.result_pages import result_page as result_page
