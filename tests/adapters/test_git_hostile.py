"""Repositories are written by strangers: nothing in one runs, leads elsewhere or is taken for what it is not."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.adapters.source_code import guards, wording
from premortem.adapters.source_code.git import GitSourceCode
from premortem.adapters.source_code.git_command import Git
from premortem.adapters.source_code.mirrors import locked, pack
from premortem.domain.evidence import Edit
from premortem.exceptions import Malformed, Unavailable
from tests.repositories import Origin


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
def source_code(tmp_path: Path) -> GitSourceCode:
    return GitSourceCode(tmp_path / "repositories", fetch_seconds=20)


def test_filters_hooks_and_watchers_of_whoever_runs_us_are_not_run(
    origin: Origin, source_code: GitSourceCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    touch = f"touch {ran}; cat"
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / hook).chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[filter "evil"]\n smudge = "{touch}"\n clean = "{touch}"\n required = true\n'
        f'[diff "evil"]\n textconv = "{touch}"\n command = "{touch}"\n'
        f'[core]\n hooksPath = {hooks}\n fsmonitor = "{touch}"\n pager = "{touch}"\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"sh -c '{touch}'")
    commit = origin.commit("first", {"a.txt": "1\n", ".gitattributes": "* filter=evil diff=evil\n"})
    shop = origin.repository()
    source_code.patch(shop, commit)
    with source_code.worktree(shop, commit) as tree:
        tree.apply([Edit("a.txt", "1", "2"), Edit("b.txt", "", "3\n")])
        assert "+2" in tree.diff()
    assert not ran.exists()


def test_a_repository_that_a_command_plants_in_the_tree_is_never_believed(
    origin: Origin, source_code: GitSourceCode
) -> None:
    commit = origin.commit("first", {"a.txt": "1\n"})
    plant = (
        "git init -q . && printf '[core]\\n fsmonitor = touch ran\\n[diff]\\n external = touch ran\\n' >> .git/config"
        "&& echo '* filter=lfs' > .git/info/attributes && echo 2 > a.txt"
    )
    with source_code.worktree(origin.repository(), commit) as tree:
        assert tree.run(["sh", "-c", plant], seconds=20, memory_mb=256).code == 0
        tree.apply([Edit("b.txt", "", "3\n")])
        assert "+2" in tree.diff()
        assert not (tree.path / "ran").exists()


def test_links_are_written_and_never_followed(origin: Origin, source_code: GitSourceCode, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret\n")
    (origin.path / "out").symlink_to(outside)
    (origin.path / "file").symlink_to(outside / "secret.txt")
    commit = origin.commit("first", {"a.txt": "1\n"})
    shop = origin.repository()
    assert source_code.file(shop, commit, "out/secret.txt") is None
    assert source_code.file(shop, commit, "file") is None
    edits = [Edit("out/new.txt", "", "x"), Edit("out/secret.txt", "secret", "x"), Edit("file", "secret", "x")]
    with source_code.worktree(shop, commit) as tree:
        for edit in edits:
            with pytest.raises(Malformed):
                tree.apply([edit])
    assert (outside / "secret.txt").read_text() == "secret\n"
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]


def test_submodules_stay_empty_whatever_their_url(origin: Origin, source_code: GitSourceCode, tmp_path: Path) -> None:
    inner = Origin(tmp_path / "inner").commit("inner", {"i.txt": "1"})
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{inner},sub")
    (origin.path / ".gitmodules").write_text(f'[submodule "sub"]\n path = sub\n url = file://{tmp_path / "inner"}\n')
    origin.git("add", ".gitmodules")
    origin.git("commit", "--quiet", "--message", "sub")
    commit, shop = origin.git("rev-parse", "HEAD"), origin.repository()
    assert list(source_code.files(shop, commit)) == [".gitmodules"]
    assert source_code.file(shop, commit, "sub") is None
    with source_code.worktree(shop, commit) as tree:
        assert list((tree.path / "sub").iterdir()) == []


def test_paths_that_look_like_answers_of_git_are_paths(origin: Origin, source_code: GitSourceCode) -> None:
    fake = "f" * 40
    names = [f"\n{fake}", ":100644 100644", "\n:x", "--all", "*", ":(glob)**"]
    commit = origin.commit(f"{fake}\x01\n\n{fake}", dict.fromkeys(names, "1\n"))
    shop = origin.repository()
    (found,) = source_code.commits(shop, None, commit)
    assert found.paths == tuple(sorted(names))
    assert source_code.file(shop, commit, "--all") == "1\n"
    assert [line.text for line in source_code.blame(shop, commit, "--all", 1, 1)] == ["1"]
    assert [each.paths for each in source_code.commits(shop, None, commit, ["*"])] == [("*",)]
    assert source_code.patch(shop, commit, ["*"]).count("\n+1\n") == 1


def test_the_heads_of_pull_requests_are_not_copied(origin: Origin, source_code: GitSourceCode) -> None:
    origin.commit("first", {"a.txt": "1"})
    origin.git("checkout", "--quiet", "--detach")
    stranger = origin.commit("stranger's", {"a.txt": "2"})
    origin.git("update-ref", "refs/pull/1/head", stranger)
    origin.git("checkout", "--quiet", "main")
    assert source_code.resolve(origin.repository(), f"shop@1.0+{stranger[:12]}") is None


def test_large_files_are_left_behind_until_a_worktree_needs_them(
    origin: Origin, source_code: GitSourceCode, tmp_path: Path
) -> None:
    commit = origin.commit("first", {"large.bin": b"x" * (3 << 20), "a.txt": "1\n"})
    shop = origin.repository()
    source_code.fetch(shop)
    (mirror,) = (tmp_path / "repositories/mirrors").glob("*.git")
    blob = origin.git("rev-parse", f"{commit}:large.bin")
    kept = ["git", "-C", str(mirror), "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]
    assert blob not in subprocess.run(kept, capture_output=True, text=True, check=True).stdout
    assert source_code.file(shop, commit, "large.bin") is None
    with source_code.worktree(shop, commit) as tree:
        assert (tree.path / "large.bin").stat().st_size == 3 << 20
    assert "large.bin" in source_code.patch(shop, commit)


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c touch% x", "/etc", "fd::7", "--upload-pack=x", "https://", "file://host/x", "ssh://-oProxyCommand=x/y",
     "https://host", "git://host/x", "-x@host:y", "https://ho st/x", "https://host/x\n", "host:x"],
)  # fmt: skip
def test_only_plain_urls_of_known_schemes_are_ever_fetched(
    origin: Origin, source_code: GitSourceCode, url: str
) -> None:
    with pytest.raises((Malformed, Unavailable)):
        source_code.fetch(replace(origin.repository(), clone_url=url))
    with pytest.raises(Malformed):
        guards.protocol(url)


def test_each_tenant_has_a_copy_of_its_own(origin: Origin, source_code: GitSourceCode, tmp_path: Path) -> None:
    origin.commit("first", {"a.txt": "1"})
    for tenant in ("acme", "other"):
        source_code.fetch(replace(origin.repository(), tenant_id=tenant))
    assert len(list((tmp_path / "repositories/mirrors").glob("*.git"))) == 2


def test_many_threads_and_another_process_make_one_copy(origin: Origin, tmp_path: Path) -> None:
    commit = origin.commit("first", {"a.txt": "1"})
    shop, directory = origin.repository(), tmp_path / "repositories"
    heads: list[str] = []
    threads = [threading.Thread(target=lambda: heads.append(GitSourceCode(directory).head(shop))) for _ in range(4)]
    program = (
        "import sys; from pathlib import Path; from premortem.ports import Repository\n"
        "from premortem.adapters.source_code.git import GitSourceCode\n"
        "r = Repository(tenant_id='acme', project_id=1, name='acme/shop', clone_url=sys.argv[1])\n"
        "print(GitSourceCode(Path(sys.argv[2])).head(r))"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, shop.clone_url, str(directory)], stdout=subprocess.PIPE, text=True
    )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heads == [commit] * 4
    assert other.communicate(timeout=60)[0].strip() == commit


def test_a_copy_that_others_hold_too_long_is_unavailable(origin: Origin, tmp_path: Path) -> None:
    origin.commit("first", {"a.txt": "1"})
    impatient = GitSourceCode(tmp_path / "repositories", fetch_seconds=0.3)
    (tmp_path / "repositories/mirrors").mkdir(parents=True)
    GitSourceCode(tmp_path / "repositories").fetch(origin.repository())
    (lock,) = (tmp_path / "repositories/mirrors").glob("*.lock")
    with locked(lock, 1), pytest.raises(Unavailable, match="another process"):
        impatient.fetch(origin.repository())


def test_a_tree_whose_owner_was_killed_is_swept_and_others_stay(
    origin: Origin, source_code: GitSourceCode, tmp_path: Path
) -> None:
    commit = origin.commit("first", {"a.txt": "1"})
    left = tmp_path / "repositories/trees/left/tree/d"
    left.mkdir(parents=True)
    (left / "x").write_text("x")
    left.chmod(0o500)
    with source_code.worktree(origin.repository(), commit) as one:
        assert not left.exists()
        with source_code.worktree(origin.repository(), commit) as two:
            assert one.path != two.path
            assert (one.path / "a.txt").read_text() == "1"
        assert (one.path / "a.txt").exists()


def test_many_fetches_are_packed_into_one_and_read_as_before(
    origin: Origin, source_code: GitSourceCode, tmp_path: Path
) -> None:
    shop = origin.repository()
    heads = []
    for number in range(4):
        heads.append(origin.commit(f"change {number}", {"a.txt": "x" * number, "b.bin": b"y" * (2 << 20)}))
        source_code.fetch(shop)
    (mirror,) = (tmp_path / "repositories/mirrors").glob("*.git")
    packs = lambda: len(list((mirror / "objects/pack").glob("*.pack")))  # noqa: E731
    before = packs()
    pack(Git(mirror), most_packs=2)
    assert packs() < before
    assert [commit.id for commit in source_code.commits(shop, None, heads[-1])] == heads[::-1]
    assert source_code.file(shop, heads[2], "a.txt") == "xx"
    origin.commit("one more", {"a.txt": "z"})
    source_code.fetch(shop)
    assert source_code.file(shop, source_code.head(shop), "a.txt") == "z"


def test_without_git_on_this_machine_it_is_said(
    origin: Origin, source_code: GitSourceCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit("first", {"a.txt": "1"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="Is it installed"):
        source_code.fetch(origin.repository())


class _Asking(BaseHTTPRequestHandler):
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def asking() -> Iterator[tuple[str, list[str]]]:
    handler = type("Handler", (_Asking,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/shop.git", handler.seen  # type: ignore[attr-defined]
        server.shutdown()


def test_credentials_go_to_the_repositorys_url_and_nobody_is_asked_for_more(
    origin: Origin, tmp_path: Path, asking: tuple[str, list[str]]
) -> None:
    url, seen = asking
    source_code = GitSourceCode(tmp_path / "repositories", credentials=lambda _repository: "Basic dG9rZW4=")
    with pytest.raises(Unavailable) as problem:
        source_code.fetch(replace(origin.repository(), clone_url=url))
    assert seen[0] == "Basic dG9rZW4="
    assert "dG9rZW4=" not in str(problem.value)


@given(st.text(max_size=40))
def test_no_text_becomes_an_option_or_leaves_the_tree(text: str) -> None:
    if guards.is_inside(text):
        assert not text.startswith("/")
        assert not {"..", ".", "", ".git"} & set(text.casefold().split("/"))
    for tag in wording.tags_of(text):
        assert not tag.startswith("-")
        assert not set(tag) & set("*?[\\^~: \n\0")


@given(st.binary(max_size=200), st.booleans())
def test_whatever_git_says_is_read_without_an_exception(out: bytes, cut: bool) -> None:
    wording.commits(out, cut=cut)
    wording.commits(b"a\0\0" + b"1\0subject\0" + out, cut=cut)
    wording.blamed(out.decode(errors="replace"))
