"""Parsed: reads each distinct address text once, and again only where what it is read with has changed.

Belongs here: which texts have to be read. Does not belong here: how they are read (address_us.sql, address_uk.sql).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from city_platform.rebuild import count, fingerprint, made_with, sql_file

if TYPE_CHECKING:
    import duckdb

# By locale: the statements that read temp address_string into temp parsed_address.
ADDRESS_SQL = {"en_US": ("address_us",), "en_GB": ("words_uk", "address_uk")}
FEW = 200  # changed streets: of more, every text is read again
# The word of a street's name that a text of it has too: the longest that is no kind of street, which may be shortened.
TELLING_WORD = """list_max(list_transform(list_filter(string_split(street, ' '),
    lambda w: not regexp_full_match(w, street_type() || '|SAINT')), lambda w: {'long': length(w), 'word': w})).word"""


def read_addresses(con: duckdb.DuckDBPyConnection, locale: str) -> None:
    """Read temp address_string into temp parsed_address."""
    for name in ADDRESS_SQL[locale]:
        con.execute(sql_file(f"entities/{name}.sql"))


def parse(con: duckdb.DuckDBPyConnection, locale: str, code: str) -> None:
    """Bring entity.parsed_address up to the texts of temp claim; leaves those that were read now in temp address_string."""
    con.execute(
        "create or replace temp table address_now as select distinct address_text from claim where address_text is not null"
    )
    places = ""
    if locale == "en_GB":
        places = str(con.execute("select list(name order by name) from place_name").fetchone())
    if not made_with(con, "entity.parsed_address", fingerprint(code, places)):
        con.execute("delete from entity.parsed_address")
        con.execute("delete from entity.parsed_street")
    if locale == "en_GB":
        _forget_changed_streets(con)
    con.execute(
        "delete from entity.parsed_address where address_text not in (select address_text from address_now)"
    )
    con.execute(
        "create or replace temp table address_string as "
        "select address_text from address_now anti join entity.parsed_address using (address_text)"
    )
    read_addresses(con, locale)
    con.execute(
        "insert into entity.parsed_address by name select p.* exclude (address_text), s.address_text "
        "from address_string as s left join parsed_address as p using (address_text)"
    )


def _forget_changed_streets(con: duckdb.DuckDBPyConnection) -> None:
    """Forget the texts that could be read otherwise, now that streets have come or gone."""
    con.execute(
        """create or replace temp table changed_street as
        (select street from known_street except select street from entity.parsed_street)
        union all (select street from entity.parsed_street except select street from known_street)"""
    )
    changed = count(con, "select count(*) from changed_street")
    if not changed:
        return
    telling = count(con, f"select count({TELLING_WORD}) from changed_street")
    if changed > FEW or telling < changed:
        con.execute("delete from entity.parsed_address")
    else:
        con.execute(
            f"""delete from entity.parsed_address where exists (
                select 1 from changed_street where contains(plain_line(address_text), {TELLING_WORD}))"""
        )
    con.execute("delete from entity.parsed_street")
    con.execute("insert into entity.parsed_street select distinct street from known_street")
