"""Runs commands of OpenStack's client in one process, as starting it is most of what a command costs.

Reads a command a line from standard input, a JSON list of its arguments; writes a line for each: {"code", "stdout", "stderr"}.
"""
import contextlib
import io
import json
import logging
import sys

from openstackclient.shell import OpenStackShell


def run(arguments):
    stdout, stderr = io.StringIO(), io.StringIO()
    # Each run adds handlers of its own, to a stream that is gone by the next one.
    logging.getLogger('').handlers.clear()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = OpenStackShell().run(arguments)
        except SystemExit as end:
            code = end.code
    return {'code': code or 0, 'stdout': stdout.getvalue(), 'stderr': stderr.getvalue()}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
