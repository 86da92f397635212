"""Our ids ↔ the venue's names: always the same name, within the venue's rule, and back."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kraken.client_ids import ClientIds, name_of, venue_id
from engine.errors import UsageError

IDS = st.from_regex(r"[a-zA-Z0-9_-]{1,36}", fullmatch=True)


@given(IDS)
def test_a_name_keeps_the_venues_rule_and_is_found_back(client_order_id: str) -> None:
    ids = ClientIds()
    name = ids.to_venue(client_order_id)
    assert name == venue_id(client_order_id)
    assert len(name) <= 18 or re.fullmatch("[0-9a-f]{32}", name)
    assert ids.to_ours(name) == client_order_id
    if len(client_order_id) > 18:
        assert ids.to_ours(str(UUID(name))) == client_order_id
        assert ids.to_ours(str(UUID(name)).upper()) == client_order_id


def test_a_name_that_nobody_sent_is_itself() -> None:
    ids = ClientIds()
    assert ids.to_ours("someone-else") == "someone-else"
    assert ids.to_ours(None) == ""
    assert name_of("2C6BE801-1F53-4F79-A0BB-4EA1C95DFAE9") == "2c6be8011f534f79a0bb4ea1c95dfae9"


@pytest.mark.parametrize("client_order_id", ["", "a b", "ä", "x" * 37, 'a"b'])
def test_ids_that_are_refused(client_order_id: str) -> None:
    with pytest.raises(UsageError):
        venue_id(client_order_id)
