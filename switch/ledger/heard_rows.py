"""Makes rows of the ledger of what the ears report. Apart from `heard`, so that commands that read the ledger import nothing of media."""

from msgspec.structs import asdict

from media.listening import HeardSide, TalkHeard
from switch.ledger.heard import CALLER, LINE, HeardRow, ToneRow

RATIO_DIGITS = 3


def heard_rows(talk: TalkHeard) -> tuple[HeardRow, HeardRow]:
    """Returns the rows of the caller and of the line."""
    return _row(talk, CALLER, talk.caller), _row(talk, LINE, talk.line)


def _row(talk: TalkHeard, side: str, said: HeardSide) -> HeardRow:
    heard = said.heard
    return HeardRow(
        call_id=talk.call_id,
        attempt=talk.attempt,
        side=side,
        started_us=talk.started_us,
        duration_ms=heard.duration_ms,
        level_dbm0=heard.level_dbm0,
        peak_dbm0=heard.peak_dbm0,
        speech_dbm0=heard.speech_dbm0,
        speech_ratio=None if heard.speech_ratio is None else round(heard.speech_ratio, RATIO_DIGITS),
        speaks=heard.speaks,
        one_way=talk.one_way,
        speech_ms=heard.speech_ms,
        tone_ms=heard.tone_ms,
        silence_ms=heard.silence_ms,
        unknown_ms=heard.unknown_ms,
        first_speech_ms=heard.first_speech_ms,
        early_silence_ms=heard.early_silence_ms,
        dead_air_ms=heard.dead_air_ms,
        tones=tuple(ToneRow(**asdict(tone)) for tone in heard.tones),
        frames_unheard=said.frames_unheard,
    )
