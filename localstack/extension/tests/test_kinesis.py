"""What is changed in the emulator's Kinesis. That the installed one is known, a test of the running cloud shows."""

import pytest

from local_cloud.kinesis import quicker


def test_records_remember_their_hashes() -> None:
    assert (
        quicker("e.j=function(){return Mi(this,-171008355,!0)};")
        == "e.j=function(){return this.rememberedHash??=Mi(this,-171008355,!0)};"
    )


@pytest.mark.parametrize("program", ["", "return Mi(this,943773210,!0)", "return Mi(this,-171008355,!0)" * 2])
def test_a_program_that_is_not_known_stays_as_it_is(program: str) -> None:
    assert quicker(program) == program
