"""Locks of folders, which end with their process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hiervae.errors import HiervaeError
from hiervae.utils.locks import exclusive

HOLDER = """
import os, pathlib, sys, time
from hiervae.utils.locks import exclusive
with exclusive(pathlib.Path(sys.argv[1])):
    child = os.fork()  # as a worker that outlives its parent
    if child:
        print(child, flush=True)
    time.sleep(60)
"""


def test_one_holder_at_a_time(tmp_path):
    with exclusive(tmp_path):
        again = exclusive(tmp_path)
        with pytest.raises(HiervaeError, match="is in use: another training"):
            again.__enter__()
        assert not list(tmp_path.iterdir())
    with exclusive(tmp_path):
        assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True
    )
    with holder, holder.stdout:
        child = int(holder.stdout.readline())
        try:
            with pytest.raises(HiervaeError, match="is in use"), exclusive(tmp_path):
                pass
            holder.kill()
            holder.wait()
            time.sleep(0.1)
            with exclusive(tmp_path):
                pass
        finally:
            holder.kill()
            os.kill(child, signal.SIGKILL)
