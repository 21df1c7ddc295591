"""Log files that stay small."""

from pathlib import Path

from premortem.embedded.rotation import rotate


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("12345")
    assert not rotate(log, limit=5)
    assert not rotate(tmp_path / "absent.log", limit=5)
    assert log.read_text() == "12345"


def test_the_writer_keeps_its_open_file_and_three_old_logs_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        for letter in b"abcde":
            writer.write(bytes([letter]) * 10)
            assert rotate(log, limit=5, kept=3)
        writer.write(b"now")
    assert log.read_text() == "now"
    assert [(tmp_path / f"a.log.{n}").read_text()[0] for n in (1, 2, 3)] == ["e", "d", "c"]
    assert len(list(tmp_path.iterdir())) == 4
