"""PURE. Lists the names of header fields: their canonical forms, those that are defined, and those whose values are comma lists."""

import re

from switch.sip.headers import TOKEN

_NAME = re.compile(TOKEN)
_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
_IRREGULAR = (
    "Call-ID CSeq MIME-Version Min-SE P-DCS-Trace-Party-ID RAck Remote-Party-ID RSeq SIP-ETag SIP-If-Match WWW-Authenticate"
)
"""Names that title case would get wrong."""
_USUAL = (
    "Allow Content-Disposition Content-Length Content-Type Date Expires From Max-Forwards P-Asserted-Identity Privacy Reason "
    "Record-Route Require Route Server Session-Expires Supported To User-Agent Via"
)
"""Names seen in most messages."""
CANONICAL = {
    **_COMPACT,
    **{compact.upper(): name for compact, name in _COMPACT.items()},
    **{spelling: name for name in (*_IRREGULAR.split(), *_USUAL.split(), *_COMPACT.values()) for spelling in (name, name.lower())},
}
"""Header name as spelt -> canonical name. Other spellings are looked up in lower case, then title-cased."""

_DEFINED = """
    accept accept-contact accept-encoding accept-language accept-resource-priority additional-identity alert-info allow allow-events
    answer-mode authentication-info authorization call-id call-info cellular-network-info contact content-disposition content-encoding
    content-id content-language content-length content-type cseq date dc-info encryption error-info event expires feature-caps
    flow-timer from geolocation geolocation-error geolocation-routing hide history-info identity identity-info in-reply-to info-package
    join max-breadth max-forwards mime-version min-expires min-se organization origination-id path permission-missing policy-contact
    policy-id priority priority-share priority-verstat priv-answer-mode privacy proxy-authenticate proxy-authorization proxy-require
    rack reason reason-phrase record-route recv-info refer-events-at refer-sub refer-to referred-by reject-contact relayed-charge
    remote-party-id replaces reply-to request-disposition require resource-priority resource-share response-key response-source
    restoration-info retry-after route rseq security-client security-server security-verify server service-interact-info service-route
    session-expires session-id sip-etag sip-if-match subject subscription-state supported suppress-if-match target-dialog timestamp to
    trigger-consent unsupported user-agent user-to-user via warning www-authenticate
"""
SIP_HEADERS = frozenset(_DEFINED.split())
"""Names of header fields that RFC 3261 and its extensions define, in lower case, without those that begin with P- (RFC 5727)."""
_LIST_NAMES = (
    "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Call-Info Contact Content-Encoding "
    "Content-Language Diversion Error-Info History-Info In-Reply-To P-Asserted-Identity P-Associated-Uri P-Preferred-Identity Path "
    "Proxy-Require Record-Route Reject-Contact Remote-Party-ID Require Route Service-Route Supported Unsupported Via Warning"
)
LISTS = frozenset(_LIST_NAMES.split())
"""Headers whose grammar is a comma list (RFC 3261 §7.3.1, §25.1 and the extensions' own)."""


def canonical(spelt: str) -> str:
    """The canonical name of a header not found as spelt; "" when it is no token."""
    name = spelt.rstrip(" \t")  # space before the colon is legal: §7.3.1
    if not _NAME.fullmatch(name):
        return ""
    known = CANONICAL.get(name.lower())
    return known or "-".join([part.capitalize() for part in name.split("-")])
