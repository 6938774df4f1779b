"""The dashboard behind two real proxies: requests that refresh one session at the same moment all go through."""

import base64
import time
from collections.abc import Iterator

import pytest

from components import names
from components.dashboard_proxy import refresh_after
from lab.certificates import Authority
from lab.estate import Estate
from model import Site
from model.units import Duration
from tests.support.browser import Browser, Person, StoppedError
from tests.support.proxies import BODY, Proxies, proxies, with_token_life
from tests.support.realm import by_hand, made
from tests.support.shell import Shell
from tests.support.tools import tool

TOKEN_SECONDS = 15
AT_ONCE = 6
"""As many as a browser sends to one host, and were seen at the dashboard."""


@pytest.fixture(scope="module")
def running(
    deployed: Shell, site: Site, estate: Estate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxies]:
    """Two proxies with the site's settings, but that tokens live a quarter of a minute."""
    secret = deployed.get("secret", names.DASHBOARD_LOGIN, site.namespace)["data"]["client-secret"]
    with (
        by_hand(deployed, site, {"accessTokenLifespan": TOKEN_SECONDS}),
        proxies(
            deployed,
            with_token_life(site, TOKEN_SECONDS),
            tool("oauth2-proxy"),
            tmp_path_factory.mktemp("proxies"),
            Authority(estate.state / "tls", ""),
            base64.b64decode(secret).decode(),
        ) as found,
    ):
        yield found


def signed_in(running: Proxies, person: Person) -> dict[str, str]:
    """Sign a person in at the dashboard's address; the cookies of their session."""
    browser = Browser(running.authority, running.at())
    page, _ = browser.sign_in(f"{running.home}/status", person, f"{running.home}/status")
    assert page.location == f"{running.home}/status"
    return dict(browser.cookies[running.home.removeprefix("https://")])


def at_the_refresh(running: Proxies, cookies: dict[str, str]) -> tuple[list[int], dict[str, str]]:
    """Send the requests when the session has to be refreshed; their statuses, and the browser's cookies then."""
    # What is waited for is the session's age.
    time.sleep(refresh_after(Duration(TOKEN_SECONDS)).seconds + 1)
    answers = running.together(AT_ONCE, cookies)
    assert all(answer.text == BODY for answer in answers if answer.status == 200)
    fresh = [answer.cookies for answer in answers if answer.status == 200 and answer.cookies]
    assert fresh, "nothing was refreshed"
    # The browser keeps what came last.
    return [answer.status for answer in answers], {**cookies, **fresh[-1]}


def test_six_requests_at_the_refresh_all_go_through_and_the_session_lives_on(
    deployed: Shell, site: Site, running: Proxies, people: list[str]
) -> None:
    cookies = signed_in(running, made(deployed, site, people, "jan", "site-engineers"))
    assert [answer.status for answer in running.together(AT_ONCE, cookies)] == [200] * AT_ONCE
    for _ in range(3):
        statuses, cookies = at_the_refresh(running, cookies)
        assert statuses == [200] * AT_ONCE


def test_with_refresh_tokens_that_are_used_once_the_session_dies(
    deployed: Shell, site: Site, running: Proxies, people: list[str]
) -> None:
    """The control: the realm as it was before."""
    with by_hand(deployed, site, {"revokeRefreshToken": True, "refreshTokenMaxReuse": 0}):
        cookies = signed_in(running, made(deployed, site, people, "kai", "site-engineers"))
        _, cookies = at_the_refresh(running, cookies)
        time.sleep(TOKEN_SECONDS + 1)
        assert 200 not in {answer.status for answer in running.together(AT_ONCE, cookies)}


def test_the_proxy_lets_in_administrators_alone(
    deployed: Shell, site: Site, running: Proxies, people: list[str]
) -> None:
    lena = made(deployed, site, people, "lena", "operators")
    with pytest.raises(StoppedError) as stopped:
        signed_in(running, lena)
    assert stopped.value.page.status == 403
