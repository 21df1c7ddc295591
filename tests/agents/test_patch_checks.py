"""A patch is looked at before anybody is shown it: where it reaches, what it brings, whether it only silences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premortem.agents.checks.additions import no_secrets, nothing_foreign
from premortem.agents.checks.log_statements import only_records
from premortem.agents.checks.paths import allowed_paths, size
from premortem.agents.checks.silencing import only_silences
from premortem.agents.checks.texts import Changed, applied, unified
from premortem.domain.evidence import Edit
from premortem.exceptions import Malformed

BEFORE = """import logging

_LOGGER = logging.getLogger(__name__)


def total(cart, rates):
    rate = rates[cart.country]
    return round(cart.sum * rate, 2)
"""


def changed(after: str, path: str = "shop/cart.py", before: str | None = BEFORE) -> list[Changed]:
    return [Changed(path, before, after)]


def test_an_edit_replaces_a_text_that_occurs_once() -> None:
    (change,) = applied([Edit("a.py", "x = 1", "x = 2"), Edit("a.py", "y = 1", "y = 2")], {"a.py": "x = 1\ny = 1\n"})
    assert change.after == "x = 2\ny = 2\n"
    assert unified([change]).splitlines()[:4] == ["--- a/a.py", "+++ b/a.py", "@@ -1,2 +1,2 @@", "-x = 1"]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit("a.py", "z", "y"), "occurs 0 times"),
        (Edit("a.py", "1", "2"), "occurs 2 times"),
        (Edit("b.py", "z", "y"), "occurs 0 times"),
        (Edit("a.py", "", "new"), "is there already"),
    ],
)
def test_an_edit_that_fits_nowhere_or_twice_is_refused(edit: Edit, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        applied([edit], {"a.py": "x = 1\ny = 1\n"})


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml", ".GitHub/workflows/ci.yml", "a/.gitlab-ci.yml", "Jenkinsfile",
        ".vscode/settings.json", ".cursor/rules", "AGENTS.md", "docs/CLAUDE.md", ".gitmodules", ".git/config",
        ".pre-commit-config.yaml", "pyproject.toml", "poetry.lock", "requirements/dev.txt", "package.json",
        "Dockerfile.prod", "deploy.sh", "Makefile", ".env.production", "CODEOWNERS",
        "shop/migrations/0001_initial.py", "config/secrets/prod.yml", "x.pem", "conftest.py", "sitecustomize.py",
        "setup.py", ".premortem.toml", "x.pth", "team.code-workspace", ".mcp.json", "../outside.py", "/etc/passwd",
        "a/../../b.py", "./a.py", "a//b.py", "~/x.py", "-rf", "a\\b.py", "C:/x.py", "a\u202egnp.py",
        "\uff0egithub/x.yml", "a/ b.py", "", "a\x00.py", ".github", "GIT~1/config", ".\u0131dea/x", "\u017fetup.py",
        "setup.py.", "con.py", "a/NUL", "aux.d/x.py", "x\u2028.py", "a\u00a0b.py", "vite.config.ts", "a/.claude/x.json",
        ".cursorrules", "compose.yaml", "Containerfile", "x.csproj", "build.rs", "gradlew", "dev-requirements.txt",
        "pytest.ini", "manage.py", "db/migrate/1.rb", "x.jar", "x.ipynb", "id_ed25519", ".bashrc",
        ".dockerignore", ".m\u0131se.toml", "x.dylib", ".pypirc", "main.tf", "Procfile", "pnpm-workspace.yaml",
    ],
)  # fmt: skip
def test_a_file_that_runs_by_itself_or_lies_elsewhere_is_out_of_reach(path: str) -> None:
    assert allowed_paths([Changed(path, "a", "b")], None).state == "failed"


@pytest.mark.parametrize(
    "path",
    ["shop/cart.py", "src/Cart.tsx", "lib/caf\u00e9.rb", "a b/c.py", "shop/connection.py", "shop/comments.py",
     "shop/nullable.py", "shop/builds.py", "shop/environment.py", "pages/[id].tsx", "app/(shop)/page.tsx",
     "shop/config.py", "shop/keys.py", "shop/tasks.py", "shop/total.sql"],
)  # fmt: skip
def test_a_file_of_plain_code_is_within_reach(path: str) -> None:
    assert allowed_paths([Changed(path, "a", "b")], None).output == ""


def test_only_files_that_code_led_to_may_be_touched() -> None:
    assert allowed_paths(changed("x"), ["shop/cart.py"]).state == "passed"
    check = allowed_paths(changed("x"), ["shop/other.py"])
    assert (check.state, "no file that the stack" in check.output) == ("failed", True)


def test_a_patch_that_nobody_would_read_is_too_large() -> None:
    assert size(changed(BEFORE + "x = 1\n")).state == "passed"
    assert size(changed(BEFORE + "x = 1\n" * 201)).state == "failed"
    assert size([Changed(f"{n}.py", "a\n", "b\n") for n in range(6)]).state == "failed"
    assert size(changed(BEFORE)).state == "failed"
    assert size(changed(f"{BEFORE}x = '{'y' * 60_000}'\n")).state == "failed"


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(['ls'])", "os.system('x')", "eval(cart)", "__import__('os')", "x = 'https://evil.example/x'",
        "requests.get(cart)", "pickle.loads(cart)", "host = '10.0.0.7'", f"x = '{'QUJD' * 20}'", "import socket",
        "from evil import thing", "importlib.import_module(cart)", "from .evil import *", "import logging.config",
        "__builtins__['ev' + 'al'](cart)", "getattr(cart, rates)()", "globals()[cart]", "cart.__class__.__mro__",
        "x = 'htt' + 'ps://evil.example/x'", "x = 'https:' + '//' + cart", "x = '//evil.example/x'",
        "x = 'evil.example'", "x = '::1'", "x = 1  # \u202e", "x = 'a\u200bb'",
        "open(cart, 'w')", "sys.modules[cart]", "asyncio.create_subprocess_shell(cart)", "x = '[::1]'",
    ],
)  # fmt: skip
def test_a_patch_may_not_reach_out_run_code_or_bring_a_module(line: str) -> None:
    after = BEFORE.replace("    return round", f"    {line}\n    return round")
    assert nothing_foreign(changed(after)).state == "failed"


def test_what_a_file_did_already_it_may_go_on_doing() -> None:
    before = "import requests\n\n\ndef get(x):\n    return requests.get(x)\n"
    after = before.replace("requests.get(x)", "requests.get(x, timeout=5)")
    assert nothing_foreign(changed(after, before=before)).state == "passed"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.js", "import('evil')"), ("a.js", "import 'evil'"), ("a.js", "let a = require('evil')"),
        ("a.js", "export * from 'evil'"), ("a.js", "new WebSocket(x)"), ("a.js", "new Image().src = x"),
        ("a.js", "x.constructor.constructor('return 1')()"), ("a.rb", "require_relative 'x'"), ("a.rb", "load 'x'"),
        ("a.rb", "%x(ls)"), ("a.rb", "`ls`"), ("a.go", '\t"net/http"'), ("a.php", "$x($y);"),
        ("a.php", "include 'x';"), ("a.php", "require_once 'x';"), ("a.php", "proc_open($x)"),
        ("a.rs", "pub use evil::x;"), ("a.rs", "std::process::Command::new(x)"), ("a.java", "new ProcessBuilder(x)"),
        ("a.c", "# include <x>"), ("a.cs", "Process.Start(x)"), ("a.html", "<script src=//evil.example></script>"),
        ("a.sql", "COPY x TO PROGRAM 'ls'"), ("a.PY", "import evil"),
    ],
)  # fmt: skip
def test_nor_in_another_language(path: str, line: str) -> None:
    assert nothing_foreign(changed(f"x\n{line}\n", path, "x\n")).state == "failed"


def test_a_word_or_an_address_that_only_begins_like_a_known_one_is_new() -> None:
    before = 'HOST = "https://shop.example/a"\n\n\ndef evaluate(x):\n    return x\n'
    for line in ("    eval(x)\n", '    x = "https://evil.example/a"\n', '    x = "https://shop.example/a/b"\n'):
        assert nothing_foreign(changed(before + line, before=before)).state == "failed"


def test_what_is_nested_too_deeply_to_be_read_imports_nothing_unseen() -> None:
    deep = f"x = {'-' * 200}1\n"
    assert nothing_foreign(changed(f"{BEFORE}{deep}")).state == "failed"


@pytest.mark.parametrize(
    "line",
    ["country = getattr(cart, 'country', None)", "half = cart.sum // 2  # whole ones", "x = cart.rows[::2]",
     "x = rates.get(cart.country, 1.5)",
     "if not cart.open: raise ValueError(f'cart {cart.id} is not open: evaluate it')"],
)  # fmt: skip
def test_plain_code_is_not_foreign(line: str) -> None:
    assert nothing_foreign(changed(BEFORE.replace("    return", f"    {line}\n    return"))).state == "passed"


def test_a_secret_in_an_added_line_is_found() -> None:
    assert no_secrets(changed(BEFORE + "KEY = 'AKIAIOSFODNN7EXAMPLE'\n")).state == "failed"
    assert no_secrets(changed(BEFORE + "KEY = 'total'\n")).state == "passed"


SILENCED = {
    "catches": BEFORE.replace(
        "    rate = rates[cart.country]\n",
        "    try:\n        rate = rates[cart.country]\n    except KeyError:\n        _LOGGER.info('no rate')\n",
    ),
    "defaults": BEFORE.replace("rates[cart.country]", "rates.get(cart.country, 0)"),
    "returns early": BEFORE.replace("    rate =", "    if cart.country not in rates:\n        return None\n    rate ="),
    "suppresses": BEFORE.replace(
        "    rate = rates[cart.country]\n", "    with suppress(KeyError):\n        rate = rates[cart.country]\n"
    ),
    "falls back": BEFORE.replace("rates[cart.country]", "rates[cart.country] or 1"),
    "wraps": BEFORE.replace(
        "    rate = rates[cart.country]\n    return",
        "    if cart.country in rates:\n        rate = rates[cart.country]\n        return",
    )
    + "    return None\n",
    "returns a number": BEFORE.replace("    rate =", "    if cart is None:\n        return -1\n    rate ="),
    "catches groups": BEFORE.replace(
        "    rate = rates[cart.country]\n",
        "    try:\n        rate = rates[cart.country]\n    except* KeyError:\n        rate = 1\n",
    ),
    "guards": BEFORE.replace("cart.sum * rate", "cart.sum * rate if rate is not None else 0"),
}


@pytest.mark.parametrize("after", SILENCED.values(), ids=SILENCED)
def test_a_patch_that_only_catches_or_defaults_removes_no_cause(after: str) -> None:
    assert only_silences(BEFORE, after)


def test_a_lower_log_level_removes_no_cause() -> None:
    before = BEFORE.replace("    return round", "    _LOGGER.error('x')\n    return round")
    assert only_silences(before, before.replace("error", "debug"))


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("rates[cart.country]", "rates[cart.country.upper()]"),
        BEFORE.replace("2)", "3)"),
        BEFORE.replace("cart.sum * rate", "cart.sum * (1 + rate)"),
        BEFORE,
    ],
)
def test_a_patch_that_computes_something_else_is_no_silencing(after: str) -> None:
    assert not only_silences(BEFORE, after)


def test_a_default_within_a_mere_call_is_one_too() -> None:
    before = "def ship(cart, rates):\n    send(rates[cart])\n"
    assert only_silences(before, before.replace("rates[cart]", "rates.get(cart)"))


def test_a_guard_that_goes_silences_nothing() -> None:
    assert not only_silences(SILENCED["returns early"], BEFORE)


def test_code_that_is_nested_too_deeply_is_judged_and_breaks_nothing() -> None:
    deep = f"x = {'-' * 900}1\n"
    assert not only_silences(deep, f"{deep}y = 1\n")
    assert only_records(deep, f"{deep}y = 1\n") != ""


@pytest.mark.parametrize(
    "statement",
    [
        "_LOGGER.info('rate', extra={'country': cart.country, 'known': len(rates)})",
        "sentry_sdk.set_tag('c', cart.country)",
    ],
)
def test_a_log_statement_only_records(statement: str) -> None:
    before = f"import sentry_sdk\n{BEFORE}"
    assert only_records(before, before.replace("    rate =", f"    {statement}\n    rate =")) == ""


@pytest.mark.parametrize(
    "statement",
    [
        "_LOGGER.info(rates.pop(cart.country))", "_LOGGER.info((lambda: 1)())", "_LOGGER.info(x := 1)", "rates.clear()",
        "_LOGGER.info(os.environ)", "_LOGGER.info('%s', exec('x'))", "_LOGGER.setLevel(0)", "return 1",
        "_LOGGER.info(open('/etc/passwd').read())", "_LOGGER.info(list(rates))", "_LOGGER.info(f'{cart:{rates}}')",
        "_LOGGER.info(sorted(rates, key=rates.pop))", "_LOGGER.info([r for r in rates])", "_LOGGER.info('x' * 10**9)",
        "_LOGGER.info(cart.__class__)", "_LOGGER.info(rates @ cart)", "_LOGGER.info(type('X', (cart,), {}))",
        "_LOGGER.info(rates[cart])", "_LOGGER.info(**rates)", "_LOGGER.info('x', extra={'name': cart})",
        "_LOGGER.info(globals)", "_LOGGER.info(__builtins__)", "logging.info('x')", "sentry_sdk.set_tag('a', cart)",
        "rates = logging.getLogger(__name__)", "cart.country = logging.getLogger(__name__)", "import logging",
        "log.error(cart)",
    ],
)  # fmt: skip
def test_a_statement_that_does_more_is_no_instrumentation(statement: str) -> None:
    assert only_records(BEFORE, BEFORE.replace("    rate =", f"    {statement}\n    rate =")) != ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BEFORE, BEFORE.replace("(__name__)", "(evil())")),
        (BEFORE, BEFORE.replace("_LOGGER =", "_OTHER = logging.getLogger(evil())\n_LOGGER =")),
        (BEFORE, BEFORE.replace("_LOGGER = logging.getLogger(__name__)\n", "")),
        (BEFORE, BEFORE.replace("import logging", "import logging as rates")),
        (BEFORE.replace("    return", "    _LOGGER.info(1)\n    return"), BEFORE),
        (BEFORE.replace("    return", "    _LOGGER.info(1)\n    return"),
         BEFORE.replace("    return", "    _LOGGER.info(2)\n    return")),
        (BEFORE.replace("rates)", "_LOGGER)"),
         BEFORE.replace("rates)", "_LOGGER)").replace("    return", "    _LOGGER.info(1)\n    return")),
        (BEFORE.replace("    rate =", '    "What it says."\n    rate ='),
         BEFORE.replace("    rate =", '    _LOGGER.info(1)\n    "What it says."\n    rate =')),
        ("from __future__ import annotations\n\nX = 1\n",
         "import logging\nfrom __future__ import annotations\n\nX = 1\n"),
    ],
    ids=["logger from a call", "another logger from a call", "logger gone", "shadowing", "statement gone",
         "statement changed", "a logger of the caller", "no docstring any more", "behind nothing"],
)  # fmt: skip
def test_what_is_taken_away_replaced_or_shadowed_is_no_instrumentation(before: str, after: str) -> None:
    assert only_records(before, after) != ""


def test_a_file_may_get_its_first_logger() -> None:
    before = "def total(x):\n    return x[0]\n"
    after = "import logging\n\n_LOGGER = logging.getLogger(__name__)\n\n\n" + before.replace(
        "    return", "    _LOGGER.info('n', extra={'n': len(x)})\n    return"
    )
    assert only_records(before, after) == ""


lines = st.lists(st.sampled_from(["a", "b", "", "  c", "d"]), max_size=12).map("\n".join)


@given(lines, lines)
def test_a_patch_applied_as_edits_gives_what_its_diff_says(before: str, after: str) -> None:
    change = Changed("x.py", before, after)
    diff = unified([change])
    assert change.changed_lines() == sum(
        line[:1] in "+-" for line in diff.splitlines()[2:] if line and not line.startswith("@@")
    )
