"""Write .env.example from the settings: `python -m tests.architecture.write_env_example`."""

from tests.architecture.test_house import ROOT, example

(ROOT / ".env.example").write_text(example())
