"""How filters are written: what a text means, its canonical form, and what its author is told when it is none."""

import pytest

from routing.expression import BadExpression, Expression, is_word, names, parse, show
from routing.expression_tree import Among, And, Compare, Is, Known, Not, Op, Or

MAX_DEPTH = 50
MAX_LENGTH = 10_000
MAX_LIST = 1_000

A, B, C = Is(name="a"), Is(name="b"), Is(name="c")


def both(*operands: Expression) -> And:
    return And(operands=operands)


def either(*operands: Expression) -> Or:
    return Or(operands=operands)


def no(operand: Expression) -> Not:
    return Not(operand=operand)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("age >= 65", Compare(name="age", op=Op.AT_LEAST, value=65)),
        ("age<-3", Compare(name="age", op=Op.LESS, value=-3)),
        ("age != 0", Compare(name="age", op=Op.UNEQUAL, value=0)),
        ("state == TX", Compare(name="state", op=Op.EQUAL, value="TX")),
        ("state == 'TX'", Compare(name="state", op=Op.EQUAL, value="TX")),
        ('zip == "02134"', Compare(name="zip", op=Op.EQUAL, value="02134")),
        ('state == ""', Compare(name="state", op=Op.EQUAL, value="")),
        ("sub == fb-12", Compare(name="sub", op=Op.EQUAL, value="fb-12")),
        ("sub == 'say \"hi\"'", Compare(name="sub", op=Op.EQUAL, value='say "hi"')),
        ('state == "or"', Compare(name="state", op=Op.EQUAL, value="or")),
        ("state == OR", Compare(name="state", op=Op.EQUAL, value="OR")),
        ('caller begins_with "+1212"', Compare(name="caller", op=Op.BEGINS_WITH, value="+1212")),
        ("state in [TX, OK]", Among(name="state", values=("OK", "TX"))),
        ("state in[OR,IN,OR]", Among(name="state", values=("IN", "OR"))),
        ("state in []", Among(name="state", values=())),
        ("hour not in [10, 9]", Among(name="hour", values=(9, 10), negated=True)),
        ("not hour in [9]", no(Among(name="hour", values=(9,)))),
        ("repeat", Is(name="repeat")),
        ("repeat == true", Is(name="repeat")),
        ("repeat != false", Is(name="repeat")),
        ("repeat == false", Is(name="repeat", wanted=False)),
        ("repeat != true", Is(name="repeat", wanted=False)),
        ('repeat == "true"', Compare(name="repeat", op=Op.EQUAL, value="true")),
        ("known(age)", Known(name="age")),
        ("not known ( age )", no(Known(name="age"))),
    ],
)
def test_conditions(text: str, meaning: Expression) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a or b and c", either(A, both(B, C))),
        ("a and b or c", either(both(A, B), C)),
        ("(a or b) and c", both(either(A, B), C)),
        ("not a and b", both(no(A), B)),
        ("not (a and b)", no(both(A, B))),
        ("not not a", no(no(A))),
        ("not a == 1", no(Compare(name="a", op=Op.EQUAL, value=1))),
        ("a and b and c", both(A, B, C)),
        ("a and (b and c)", both(A, B, C)),
        ("(a or b) or c", either(A, B, C)),
        ("((a))", A),
        ("  a\n  and\tb  ", both(A, B)),
    ],
)
def test_not_binds_before_and_and_before_or(text: str, meaning: Expression) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("state in[TX,'OK']  and(age>=65)and not(repeat)", "state in [OK, TX] and age >= 65 and not repeat"),
        ("(a and b) or ((c))", "a and b or c"),
        ("a and (b or c)", "a and (b or c)"),
        ("not (a or b)", "not (a or b)"),
        ("not (a) or b", "not a or b"),
        ("zip == '10001'", 'zip == "10001"'),
        ("sub == 'say \"hi\"'", "sub == 'say \"hi\"'"),
        ("sub == 'true'", 'sub == "true"'),
        ("sub == 'a b'", 'sub == "a b"'),
        ("age == -0", "age == 0"),
        ("a != true", "a == false"),
        ("hour not in [ 10,9 ]", "hour not in [9, 10]"),
        ("known( age )", "known(age)"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert show(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("text", "column", "message", "expected"),
    [
        ("", 0, "the filter ends too soon", "a tag, `not`, `known(TAG)` or `(`"),
        ("age >= 65 and", 13, "the filter ends too soon", "a tag, `not`, `known(TAG)` or `(`"),
        ("age >=", 6, "the filter ends too soon", "a word, a whole number or a text in quotes"),
        ("65 <= age", 0, 'unexpected "65"', "a tag, `not`, `known(TAG)` or `(`"),
        ("true", 0, 'unexpected "true"', "a tag, `not`, `known(TAG)` or `(`"),
        ('"age" > 3', 0, 'unexpected "age"', "a tag, `not`, `known(TAG)` or `(`"),
        ("a b", 2, 'unexpected "b"', "`and`, `or` or the end of the filter"),
        ("a)", 1, 'unexpected ")"', "`and`, `or` or the end of the filter"),
        ("age < 65 < 70", 9, 'unexpected "<"', "`and`, `or` or the end of the filter"),
        ("a AND b", 2, 'unexpected "AND"', "`and`, `or` or the end of the filter"),
        ("(a or b", 7, "the filter ends too soon", "`and`, `or` or `)`"),
        ("state = TX", 6, 'unexpected "="', "`==`"),
        ("a && b", 2, 'unexpected "&"', "`and`"),
        ("a || b", 2, 'unexpected "|"', "`or`"),
        ("!a", 0, 'unexpected "!"', "`not` or `!=`"),
        ("caller == +1212", 10, 'unexpected "+"', "words of letters, digits, - and _; other text goes in quotes"),
        ("city == Cañon", 10, 'unexpected "ñ"', "words of letters, digits, - and _; other text goes in quotes"),
        ("state == 'TX", 9, "this quote is never closed", "another ' after the text"),
        ('state == "TX', 9, "this quote is never closed", 'another " after the text'),
        ("zip == 02134", 7, '"02134" is no number', "a whole number of at most 18 digits; text goes in quotes"),
        ("age > 1.5", 6, '"1.5" is no number', "a whole number of at most 18 digits; text goes in quotes"),
        ("date == 2026-12-24", 8, '"2026-12-24" is no number', "a whole number of at most 18 digits; text goes in quotes"),
        ("age > 65years", 6, '"65years" is no number', "a whole number of at most 18 digits; text goes in quotes"),
        ("age > " + "9" * 19, 6, f'"{"9" * 19}" is no number', "a whole number of at most 18 digits; text goes in quotes"),
        ("age > old", 6, '> compares numbers, and "old" is text', "a whole number"),
        ("caller begins_with 1212", 19, "begins_with compares text, and 1212 is a number", 'a text: "1212"'),
        ("a > true", 4, 'unexpected "true"', "a whole number"),
        ("a begins_with true", 14, 'unexpected "true"', "a text"),
        ("state == or", 9, 'unexpected "or"', "a word, a whole number or a text in quotes"),
        ("state in TX", 9, 'unexpected "TX"', "a list: [TX, OK]"),
        ("state in (TX)", 9, 'unexpected "("', "a list: [TX, OK]"),
        ("state in [TX OK]", 13, 'unexpected "OK"', "`,` or `]`"),
        ("state in [TX,]", 13, 'unexpected "]"', "a word, a whole number or a text in quotes"),
        ("state in [TX", 12, "the filter ends too soon", "`,` or `]`"),
        ("zip in [TX, 90210]", 12, "the list mixes text and numbers", "values of one kind; text such as a ZIP goes in quotes"),
        ("a in [true]", 6, 'unexpected "true"', "text or numbers: a list has no truths"),
        ("state not [TX]", 10, 'unexpected "["', "`in`"),
        ("known age", 6, 'unexpected "age"', "`(` and a tag"),
        ("known(not)", 6, 'unexpected "not"', "a tag"),
        ("known(age", 9, "the filter ends too soon", "`)`"),
        ("a == " + "x" * 70 + ")", 75, 'unexpected ")"', "`and`, `or` or the end of the filter"),
        ("a " + "x" * 70, 2, f'unexpected "{"x" * 59}…"', "`and`, `or` or the end of the filter"),
    ],
)
def test_errors_say_what_where_and_what_was_expected(text: str, column: int, message: str, expected: str) -> None:
    with pytest.raises(BadExpression) as raised:
        parse(text)
    assert (raised.value.column, raised.value.message, raised.value.expected) == (column, message, expected)


def test_limit_of_depth() -> None:
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == A
    assert parse(" and ".join(["not a"] * 500))
    for opening in ("(", "not "):
        with pytest.raises(BadExpression, match="too deep") as raised:
            parse(opening * (MAX_DEPTH + 1) + "a")
        assert raised.value.column == len(opening) * MAX_DEPTH


def test_limit_of_lists() -> None:
    numbers = [str(number) for number in range(MAX_LIST)]
    assert parse(f"age in [{','.join(numbers)}]") == Among(name="age", values=tuple(range(MAX_LIST)))
    with pytest.raises(BadExpression, match="the list is too long"):
        parse(f"age in [{','.join([*numbers, '0'])}]")


def test_limit_of_length() -> None:
    text = "a" + " " * (MAX_LENGTH - 1)
    assert parse(text) == A
    with pytest.raises(BadExpression, match=f"has {MAX_LENGTH + 1} characters") as raised:
        parse(text + " ")
    assert raised.value.column == MAX_LENGTH


def test_columns_are_kept_but_not_compared() -> None:
    near, far = parse("age > 3"), parse("   age  >  3")
    assert near == far
    assert hash(near) == hash(far)
    assert isinstance(far, Compare)
    assert (far.column, far.value_column) == (3, 11)


def test_truths_and_numbers_are_not_equal() -> None:
    assert parse("a == true") != parse("a == 1")


def test_names_are_those_of_every_tag() -> None:
    assert names(parse("a and not (b == x or known(c)) or d in [y]")) == {"a", "b", "c", "d"}


def test_only_a_word_that_is_no_keyword_can_name_a_tag() -> None:
    assert all(map(is_word, ["age", "sub-id", "_x", "OR", "a1"]))
    assert not any(map(is_word, ["", "or", "known", "1a", "a b", "ä", "true", "a\n"]))
