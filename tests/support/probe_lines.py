"""What lines do that probes call, as SIPp is told it; and the config that they are lines of."""

from pathlib import Path

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
CONFIG = """
switch:
  sip: {{listen: "127.0.0.1:{sip}"}}
  rtp: {{address: 127.0.0.1, ports: {rtp}}}
  prompts: {prompts}
  data: data
trunks:
  carrier: {{addresses: [127.0.0.1], auth: {{username: radio, secret: "s3cret"}}}}
  probe: {{addresses: [127.0.0.16/30, 127.0.0.9], probe: true, tech_prefix: "77"}}
publishers: {{radio: }}
numbers: {{"+18005550100": {{publisher: radio, campaign: quotes}}}}
advertisers:
  acme:
    lines:
      east: {{uri: "sip:east@127.0.0.1:{line}", trusted: true, auth: {{username: us, secret: "s3cret"}}, codecs: [PCMA], dtmf: info}}
campaigns: {{quotes: {{lines: [east], billable: {{on: answered}}, revenue: 1, payout: 1}}}}
"""
ANSWER = """<send><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
{sdp}
]]></send>"""
SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
"""
PLAIN = "Content-Length: 0\n"
BUSY = f'<recv request="INVITE"/>{ANSWER.format(status="486 Busy Here", sdp=PLAIN)}<recv request="ACK"/>'
RINGS = (
    f'<recv request="INVITE"/>{ANSWER.format(status="180 Ringing", sdp=PLAIN)}<recv request="CANCEL"/>'
    f"{ANSWER.format(status='200 OK', sdp=PLAIN)}"
)
TAKES_INVITE = """<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="me"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="peer"/>
</action></recv><Reference variables="me,peer"/>"""
ANSWERS = f'{TAKES_INVITE}{ANSWER.format(status="200 OK", sdp=SDP)}<recv request="ACK"/>'
TAKES_BYE = f'<recv request="BYE"/>{ANSWER.format(status="200 OK", sdp=PLAIN)}'
HANGS_UP = """<pause milliseconds="1000"/><send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$me];tag=[call_number]
To:[$peer]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

]]></send><recv response="200"/>"""
