"""A supervisor as systemd is one: it holds sockets and what is put into its store, passes both to the agent, and starts
it again whenever it ends.

    supervise.py [--listen PATH] PROGRAM ARGUMENTS...

Says `start PID` and `stored NAME`. The environment variable NOTIFY names the socket for sd_notify(3)."""
import array, os, select, socket, sys

args = sys.argv[1:]
units = []
if args[0] == "--listen":
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    held.bind(args[1])
    units, args = [("eudaemon.socket", held.fileno())], args[2:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(os.environ["NOTIFY"])
store = {}


def say(text):
    print(text, flush=True)


def start():
    passed = units + list(store.items())
    pid = os.fork()
    if pid > 0:
        say(f"start {pid}")
        return pid
    # Out of the way first: a descriptor may stand where another has to go.
    high = [os.dup2(fd, 100 + i) for i, (_, fd) in enumerate(passed)]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i, inheritable=True)
        os.close(fd)
    os.environ.update(
        LISTEN_PID=str(os.getpid()),
        LISTEN_FDS=str(len(passed)),
        LISTEN_FDNAMES=":".join(name for name, _ in passed),
        NOTIFY_SOCKET=os.environ["NOTIFY"],
    )
    os.execv(args[0], args)


def hear():
    data, control, _, _ = notify.recvmsg(4096, 1024)
    told = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
    fds = [fd for _, _, some in control for fd in array.array("i", some)]
    if told.get("FDSTORE") == "1":
        for fd in fds:
            if told["FDNAME"] in store:
                os.close(fd)
                continue
            store[told["FDNAME"]] = fd
            say(f"stored {told['FDNAME']}")
    if told.get("FDSTOREREMOVE") == "1" and told["FDNAME"] in store:
        os.close(store.pop(told["FDNAME"]))
        say(f"removed {told['FDNAME']}")


agent = start()
while True:
    if select.select([notify], [], [], 0.05)[0]:
        hear()
    if os.waitpid(agent, os.WNOHANG)[0] == agent:
        agent = start()
