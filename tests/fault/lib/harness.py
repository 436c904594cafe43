# SPDX-License-Identifier: Apache-2.0
"""What the crash tests share: our processes, the servers, and TAP lines."""
import atexit
import os
import signal
import subprocess
import time

ENV = os.environ
ROOT, MILLRACE, TMP = ENV["MILLRACE_ROOT"], ENV["MILLRACE"], ENV["MILLRACE_TEST_TMP"]
STACK = ENV["STACK"]
SESSION_S = 1.5    # after which the group gives a silent member's work to others


class Process:
    """One of our processes, started again after each kill."""

    def __init__(self, name, only, pipeline):
        self.name, self.cmd = name, [MILLRACE, "run", pipeline, "--only", only, "--progress", "never"]
        self.log = open(os.path.join(TMP, name + ".log"), "ab")
        self.p = None
        atexit.register(self.end)    # also when the test fails half-way

    def end(self):
        if self.p and self.p.poll() is None:
            self.p.kill()

    def start(self):
        self.p = subprocess.Popen(self.cmd, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def kill(self):
        if self.p.poll() is not None:
            raise RuntimeError("%s ended by itself with %s" % (self.name, self.p.returncode))
        self.p.send_signal(signal.SIGKILL)
        self.p.wait()

    def replace(self, rng):
        """Stops the process where it stands, has another take over, and wakes it up again."""
        sleeper = self.p
        if sleeper.poll() is not None:
            raise RuntimeError("%s ended by itself with %s" % (self.name, sleeper.returncode))
        sleeper.send_signal(signal.SIGSTOP)
        self.start()
        time.sleep(rng.uniform(SESSION_S + 0.2, SESSION_S * 3))
        sleeper.send_signal(signal.SIGCONT)
        time.sleep(rng.uniform(0.1, 2))    # they meet
        sleeper.send_signal(rng.choice([signal.SIGTERM, signal.SIGKILL]))
        sleeper.wait(60)

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        try:
            return self.p.wait(60)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return "no end within 60 s after SIGTERM"


def tap(good, what, *details):
    print("ok - %s" % what if good else "not ok - %s" % what, flush=True)
    for d in details if not good else ():
        print("#   %s" % d, flush=True)
    return good


def compare(what, want, have):
    if want == have:
        return tap(True, what)
    w, h = set(want), set(have)
    return tap(False, what, "expected %d rows, found %d" % (len(want), len(have)), "missing: %s" % sorted(w - h)[:5],
               "unexpected: %s" % sorted(h - w)[:5], "doubled: %d" % (len(have) - len(h)))


def server(command, which):
    """On a busy machine a server may not come up within the time that docker/stack gives it."""
    for _ in range(3):
        p = subprocess.run([STACK, command, *which], capture_output=True, text=True, check=False)
        if p.returncode == 0:
            return
        print("# docker/stack %s %s: %s" % (command, " ".join(which), (p.stdout + p.stderr).strip().replace("\n", "\n# ")),
              flush=True)
    raise RuntimeError("docker/stack %s failed" % command)


def show_logs(processes):
    for p in processes.values():
        with open(p.log.name) as f:
            print("".join("# %s: %s" % (p.name, x) for x in f.readlines()[-30:]))
