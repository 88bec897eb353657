"""A TCP proxy that understands PostgreSQL's framing enough to cut or stall at a message's end."""
import socket
import struct
import threading


class Framer:
    """Counts whole messages in a stream; the client's first ones have no type byte."""

    def __init__(self, typed):
        self.typed, self.buffer, self.messages = typed, b"", []

    def feed(self, data):
        """Adds bytes; gives the end of each message that they complete, as offsets into `data`."""
        ends, before = [], len(self.buffer)
        self.buffer += data
        used = 0
        while True:
            head = 1 if self.typed else 0
            if len(self.buffer) - used < head + 4:
                break
            size = struct.unpack_from(">i", self.buffer, used + head)[0] + head
            if len(self.buffer) - used < size:
                break
            code = struct.unpack_from(">i", self.buffer, used + 4)[0] if not self.typed else 0
            self.messages.append(self.buffer[used:used + 1].decode("latin-1") if self.typed else "^")
            used += size
            ends.append(used - before)
            if code not in (80877103, 80877104):  # neither an SSL nor a GSS request
                self.typed = True
        self.buffer = self.buffer[used:]
        return ends


class Connection:
    def __init__(self, proxy, client, number):
        self.proxy, self.client, self.number = proxy, client, number
        self.server = socket.create_connection(("127.0.0.1", proxy.port_behind))
        self.frames = {"server": Framer(True), "client": Framer(False)}
        self.frozen = threading.Event()
        for side, source, target in (("client", self.client, self.server),
                                     ("server", self.server, self.client)):
            threading.Thread(target=self.pump, args=(side, source, target), daemon=True).start()

    def pump(self, side, source, target):
        skip_reply = side == "server"
        try:
            while data := source.recv(65536):
                if self.frozen.is_set():
                    return
                # The answer to an SSL or GSS request is one byte without a frame.
                if skip_reply and data[:1] in (b"N", b"S") and len(data) == 1:
                    target.sendall(data)
                    continue
                skip_reply = False
                if not self.forward(side, data, target):
                    return
        except OSError:
            pass
        finally:
            if not self.frozen.is_set():
                self.close()

    def forward(self, side, data, target):
        frames = self.frames[side]
        done, sent = len(frames.messages), 0
        ends = frames.feed(data)
        for i, end in enumerate(ends):
            action = self.proxy.decide(self, side, done + i + 1, frames.messages[done + i])
            if not action:
                continue
            target.sendall(data[sent:end])
            if action == "cut":
                self.close()
            else:
                self.frozen.set()
            return False
        target.sendall(data)
        return True

    def close(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Proxy:
    """`rule(connection number, side, message number, type)` gives None, "cut" or "stall"; side is
    who sent the message, numbers count from 1."""

    def __init__(self, port_behind, rule=None):
        self.port_behind, self.rule = port_behind, rule
        self.connections, self.acted = [], 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                self.connections.append(Connection(self, client, len(self.connections) + 1))
            except OSError:
                client.close()

    def decide(self, connection, side, message, kind):
        with self.lock:
            action = self.rule and self.rule(connection.number, side, message, kind)
            if action:
                self.acted += 1
            return action

    def counts(self, side, number=1):
        return list(self.connections[number - 1].frames[side].messages)

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
