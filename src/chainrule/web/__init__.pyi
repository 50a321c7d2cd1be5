# Written by python -m pages.stub from __init__.py.

from chainrule.web.assets import Asset as Asset
from chainrule.web.assets import asset_response as asset_response
from chainrule.web.assets import load_assets as load_assets
from chainrule.web.bodies import Limits as Limits
from chainrule.web.bodies import parse_json as parse_json
from chainrule.web.bodies import read_json as read_json
from chainrule.web.listener import Listener as Listener
from chainrule.web.listener import listen as listen
from chainrule.web.middleware import Guard as Guard
from chainrule.web.process import Service as Service
from chainrule.web.process import request_reload as request_reload
from chainrule.web.process import run as run
from chainrule.web.responses import BytesResponse as BytesResponse
from chainrule.web.responses import JsonResponse as JsonResponse
from chainrule.web.responses import RequestError as RequestError
from chainrule.web.responses import log_line as log_line
from chainrule.web.token_host_and_origin import Access as Access
from chainrule.web.token_host_and_origin import new_token as new_token
