"""Every source of code keeps the promise of `ports.SourceCode`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from premortem.adapters.source_code.git import GitSourceCode
from premortem.domain.evidence import Edit
from premortem.exceptions import Malformed, Unavailable
from premortem.ports import BlamedLine, SourceCode
from tests.builders import NOW
from tests.repositories import Origin

_MINUTE = 60_000
_PRICE = "def price(cart):\n    total = cart['total']\n    return total\n"


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture(params=["git"])
def source_code(tmp_path: Path) -> SourceCode:
    return GitSourceCode(tmp_path / "repositories")


def test_the_branchs_head_moves_with_a_fetch_and_not_before(origin: Origin, source_code: SourceCode) -> None:
    shop = origin.repository()
    first = origin.commit("first", {"a.txt": "1"})
    assert source_code.head(shop) == first
    second = origin.commit("second", {"a.txt": "2"})
    assert source_code.head(shop) == first
    source_code.fetch(shop)
    assert source_code.head(shop) == second


def test_history_that_was_rewritten_and_branches_that_went_are_followed(
    origin: Origin, source_code: SourceCode
) -> None:
    shop = origin.repository()
    origin.commit("first", {"a.txt": "1"})
    origin.git("branch", "topic/x")
    source_code.fetch(shop)
    origin.git("branch", "-D", "topic/x")
    origin.git("branch", "topic")  # a name that was a directory of names before
    origin.git("commit", "--amend", "--quiet", "--message", "other", at=NOW + 1000)
    source_code.fetch(shop)
    assert source_code.head(shop) == origin.git("rev-parse", "main")
    with pytest.raises(Malformed):
        source_code.head(replace(shop, branch="topic/x"))


def test_a_repository_that_is_not_there_is_unavailable_and_its_password_stays_unsaid(
    origin: Origin, source_code: SourceCode
) -> None:
    for url in ("file:///nowhere/at/all", "http://robot:s3cr3t@127.0.0.1:9/shop.git"):
        with pytest.raises(Unavailable) as problem:
            source_code.fetch(replace(origin.repository(), clone_url=url))
        assert "s3cr3t" not in str(problem.value)


def test_a_release_is_the_tag_like_it_light_or_annotated(origin: Origin, source_code: SourceCode) -> None:
    names = {
        "a@1.4.2": "a@1.4.2",
        "b@1.4.3": "1.4.3",
        "c@1.4.4": "v1.4.4",
        "1.4.5": "v1.4.5",
        "d@1.4.6+build.7": "v1.4.6",
        "e@1.4.7": "e-1.4.7",
        "f@1.4.8": "f/v1.4.8",
    }
    commits = {}
    for number, (release, tag) in enumerate(names.items()):
        commits[release] = origin.commit(tag, at=NOW + number * _MINUTE)
        origin.git("tag", *(("--annotate", "--message", "out") if number % 2 else ()), tag)
    origin.commit("last", at=NOW + 9 * _MINUTE)
    shop = origin.repository()
    assert {release: source_code.resolve(shop, release) for release in names} == commits
    assert source_code.resolve(shop, "e@1.4.8") is None


def test_a_release_with_a_commit_in_it_is_that_commit_whatever_tags_say(
    origin: Origin, source_code: SourceCode
) -> None:
    commit = origin.commit("first", {"a.txt": "1"})
    other = origin.commit("second", {"a.txt": "2"})
    origin.git("tag", "1.4.2")
    shop = origin.repository()
    for release in (f"shop@1.4.2+{commit[:7]}", commit, f"v1.4.2-3-g{commit[:9]}", f"shop@{commit[:12]}"):
        assert source_code.resolve(shop, release) == commit, release
    assert source_code.resolve(shop, f"{commit[:9]}-{other[:9]}") is None
    # A branch that is called like the beginning of a commit is not that commit, nor the other way round.
    origin.git("branch", commit[:8], other)
    source_code.fetch(shop)
    assert source_code.resolve(shop, f"shop@{commit[:8]}") == commit


def test_a_release_that_names_nothing_is_none(origin: Origin, source_code: SourceCode) -> None:
    origin.commit("first", {"a.txt": "1"})
    shop = origin.repository()
    for release in (
        "",
        "-a",
        "--all",
        "*",
        "main",
        "HEAD",
        "refs/heads/main",
        "a b",
        "v1;ls",
        "1.0\0",
        "@{1}",
        "x" * 999,
    ):
        assert source_code.resolve(shop, release) is None, release


def test_commits_between_two_are_told_newest_first_with_their_files(origin: Origin, source_code: SourceCode) -> None:
    good = origin.commit("good", {"a.py": "1", "b.py": "1"}, at=NOW)
    one = origin.commit("one\n\nbody", {"a.py": "2", "ü.py": "1"}, at=NOW + _MINUTE)
    two = origin.commit("two", {"b.py": None}, at=NOW + 2 * _MINUTE)
    shop = origin.repository()
    found = source_code.commits(shop, good, two)
    assert [(each.id, each.subject, each.paths, each.parents) for each in found] == [
        (two, "two", ("b.py",), (one,)),
        (one, "one", ("a.py", "ü.py"), (good,)),
    ]
    assert found[1].committed_at == NOW + _MINUTE
    assert [each.id for each in source_code.commits(shop, None, two, ("a.py",))] == [one, good]
    assert [each.id for each in source_code.commits(shop, None, two, limit=1)] == [two]
    assert list(source_code.commits(shop, two, good)) == []


def test_commits_of_a_merged_branch_are_told_and_the_mere_merge_touches_nothing(
    origin: Origin, source_code: SourceCode
) -> None:
    good = origin.commit("good", {"a.py": "1"})
    origin.git("checkout", "--quiet", "-b", "side")
    side = origin.commit("side", {"a.py": "2"}, at=NOW + _MINUTE)
    origin.git("checkout", "--quiet", "main")
    main = origin.commit("main", {"b.py": "1"}, at=NOW + 2 * _MINUTE)
    origin.git("merge", "--quiet", "--no-ff", "--message", "merge", "side", at=NOW + 3 * _MINUTE)
    shop, head = origin.repository(), origin.git("rev-parse", "HEAD")
    assert [each.id for each in source_code.commits(shop, good, head)] == [head, main, side]
    assert [each.id for each in source_code.commits(shop, good, head, ("a.py",))] == [side]


def test_a_merge_that_changes_a_file_by_itself_is_told_with_that_file(origin: Origin, source_code: SourceCode) -> None:
    good = origin.commit("good", {"a.py": "1", "b.py": "1"})
    origin.git("checkout", "--quiet", "-b", "side")
    origin.commit("side", {"a.py": "2"}, at=NOW + _MINUTE)
    origin.git("checkout", "--quiet", "main")
    origin.commit("main", {"b.py": "2"}, at=NOW + 2 * _MINUTE)
    origin.git("merge", "--quiet", "--no-ff", "--no-commit", "side")
    merge = origin.commit("merge", {"a.py": "3"}, at=NOW + 3 * _MINUTE)
    shop = origin.repository()
    newest = source_code.commits(shop, good, merge)[0]
    assert (newest.id, newest.paths, len(newest.parents)) == (merge, ("a.py",), 2)
    assert source_code.commits(shop, good, merge, ["a.py"])[0].id == merge


def test_a_commit_contains_itself_and_what_came_before(origin: Origin, source_code: SourceCode) -> None:
    first, second = origin.commit("first"), origin.commit("second", at=NOW + 1000)
    shop = origin.repository()
    pairs = [(first, first), (second, first), (first, second)]
    assert [source_code.contains(shop, commit, ancestor) for commit, ancestor in pairs] == [True, True, False]
    with pytest.raises(Malformed):
        source_code.contains(shop, first, "f" * 40)


def test_a_file_is_told_as_it_was_at_the_commit(origin: Origin, source_code: SourceCode) -> None:
    text = "eins\n$Id$\n"
    first = origin.commit("first", {"a.txt": text, ".gitattributes": "* text eol=crlf ident\n"})
    second = origin.commit("second", {"a.txt": "zwei"})
    shop = origin.repository()
    assert source_code.file(shop, first, "a.txt") == text
    assert source_code.file(shop, second, "a.txt") == "zwei"
    assert source_code.file(shop, second, "b.txt") is None
    with source_code.worktree(shop, first) as tree:
        assert (tree.path / "a.txt").read_bytes() == text.encode()
        assert tree.diff() == ""


def test_what_is_no_text_or_too_large_is_no_file(origin: Origin, source_code: SourceCode) -> None:
    (origin.path / "link").symlink_to("/etc/passwd")
    kinds = {"latin.txt": "für".encode("latin-1"), "nul": b"a\0b", "large": b"x" * ((1 << 20) + 1), "d/full": b"x" * 9}
    commit = origin.commit("first", kinds)
    shop = origin.repository()
    assert source_code.file(shop, commit, "latin.txt") == "f�r"
    for path in ("nul", "large", "link", "d", "d/", "/d/full", "../origin/d/full", "d/../d/full", "", "*", ":/d/full"):
        assert source_code.file(shop, commit, path) is None, path
    assert list(source_code.files(shop, commit)) == ["d/full", "large", "latin.txt", "nul"]


def test_each_line_is_blamed_on_the_commit_that_wrote_it_last(origin: Origin, source_code: SourceCode) -> None:
    first = origin.commit("first", {"p.py": _PRICE}, at=NOW)
    second = origin.commit("second", {"p.py": _PRICE.replace("['total']", ".total")}, at=NOW + _MINUTE)
    shop = origin.repository()
    lines = source_code.blame(shop, second, "p.py", 2, 99)
    assert list(lines) == [
        BlamedLine(line=2, text="    total = cart.total", commit=second, committed_at=NOW + _MINUTE),
        BlamedLine(line=3, text="    return total", commit=first, committed_at=NOW),
    ]
    assert [line.line for line in source_code.blame(shop, second, "p.py", -5, 1)] == [1]
    assert list(source_code.blame(shop, second, "p.py", 4, 9)) == []
    assert list(source_code.blame(shop, second, "q.py", 1, 9)) == []


def test_a_patch_tells_what_a_commit_changed_against_its_first_parent(origin: Origin, source_code: SourceCode) -> None:
    root = origin.commit("first", {"p.py": _PRICE, "q.py": "1\n"})
    second = origin.commit("second", {"p.py": _PRICE.replace("['total']", ".total"), "q.py": "2\n"})
    large = origin.commit("third", {"l.txt": "line\n" * 100_000})
    shop = origin.repository()
    assert "+    total = cart['total']" in source_code.patch(shop, root)
    patch = source_code.patch(shop, second, ["p.py"])
    assert "-    total = cart['total']\n+    total = cart.total\n" in patch
    assert "q.py" not in patch
    cut = source_code.patch(shop, large)
    assert (len(cut) <= 256 << 10, cut.endswith("\n+line\n")) == (True, True)


def test_only_whole_ids_are_commits(origin: Origin, source_code: SourceCode) -> None:
    origin.commit("first", {"a.txt": "1"})
    shop = origin.repository()
    asked: list[Callable[[str], object]] = [
        lambda commit: source_code.file(shop, commit, "a.txt"),
        lambda commit: source_code.files(shop, commit),
        lambda commit: source_code.commits(shop, None, commit),
        lambda commit: source_code.patch(shop, commit),
        lambda commit: source_code.contains(shop, commit, commit),
        lambda commit: source_code.worktree(shop, commit).__enter__(),
    ]
    for commit in ("", "main", "HEAD", "-h", "--all", "abc1234", "f" * 39, "F" * 40, "a" * 40, "a" * 40 + "\n"):
        for ask in asked:
            with pytest.raises(Malformed):
                ask(commit)


def test_a_worktree_holds_the_commits_files_shows_its_edits_and_goes(origin: Origin, source_code: SourceCode) -> None:
    first = origin.commit("first", {"p.py": _PRICE, "old.py": "x = 1\n", ".gitignore": "new*\n"})
    origin.commit("second", {"p.py": "gone"})
    with source_code.worktree(origin.repository(), first) as tree:
        path = tree.path
        assert (path / "p.py").read_text() == _PRICE
        assert tree.diff() == ""
        tree.apply(
            [
                Edit("p.py", "cart['total']", "cart.total"),
                Edit("p.py", "return total", "return total or 0"),
                Edit("new/n.py", "", "y = 2\n"),
                Edit("old.py", "x = 1\n", ""),
            ]
        )
        diff = tree.diff()
        assert (path / "new/n.py").read_text() == "y = 2\n"
    assert not path.exists()
    assert "-    total = cart['total']\n-    return total\n+    total = cart.total\n+    return total or 0\n" in diff
    assert "new file mode 100644" in diff
    assert "+y = 2\n" in diff
    assert "deleted file mode 100644" in diff
    assert source_code.head(origin.repository()) != first


def test_an_edit_that_does_not_fit_or_leaves_the_tree_is_malformed_and_nothing_is_written(
    origin: Origin, source_code: SourceCode
) -> None:
    commit = origin.commit("first", {"p.py": _PRICE})
    paths = ("../p.py", "/tmp/p.py", "d/../../p.py", "d//p.py", "d\\..\\p.py", ".git/config", "d/.GIT/x", "", "a\0b")
    edits = [
        Edit("p.py", "absent", "x"),
        Edit("p.py", "total", "x"),
        Edit("p.py", "", "x"),
        Edit("q.py", "x", "y"),
        *(Edit(path, "", "x") for path in paths),
    ]
    with source_code.worktree(origin.repository(), commit) as tree:
        for edit in edits:
            with pytest.raises(Malformed):
                tree.apply([Edit("p.py", "return total", "return 1"), edit])
        assert tree.diff() == ""


def test_a_command_runs_in_the_tree_and_says_how_it_ended(origin: Origin, source_code: SourceCode) -> None:
    commit = origin.commit("first", {"p.py": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)\n"})
    with source_code.worktree(origin.repository(), commit) as tree:
        ran = tree.run(["python3", "p.py"], seconds=90, memory_mb=256)
        assert (ran.isolated, ran.code) == (True, 3)
        assert sorted(ran.output.split()) == ["err", "out"]
        assert tree.run(["no-such-program"], seconds=90, memory_mb=256).code == 127
        long = tree.run(["sh", "-c", "seq 100000; echo end"], seconds=90, memory_mb=256)
        assert (long.code, len(long.output), long.output[-4:]) == (0, 8192, "end\n")
        slow = tree.run(["sleep", "60"], seconds=0.5, memory_mb=256)
        assert slow.code is None
        assert slow.duration_ms < 30_000
