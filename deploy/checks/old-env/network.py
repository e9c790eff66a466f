"""Ports that lead to others, and a mail server that speaks TLS from the first byte."""

import base64
import socket
import socketserver
import ssl
import subprocess
import threading


def forward(port, to):
    class Pipe(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection(("127.0.0.1", to)) as other:
                back = threading.Thread(target=pump, args=(other, self.request), daemon=True)
                back.start()
                pump(self.request, other)
                back.join()

    serve(port, Pipe)


def pump(source, target):
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(port, handler):
    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    server = Server(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def mail_server(folder, port, name, user, password):
    """Serves mail for those who log in; answers the list of (recipients, text) that it fills."""
    certificate, key = folder / "mail.pem", folder / "mail.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    mails = []
    login = base64.b64encode(f"\0{user}\0{password}".encode()).decode()

    class Session(socketserver.StreamRequestHandler):
        def setup(self):
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def say(self, line):
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self):
            self.say("220 mail")
            logged_in, to = False, []
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "EHLO":
                    self.say("250-mail\r\n250 AUTH PLAIN")
                elif verb == "AUTH":
                    logged_in = line.split()[-1] == login
                    self.say("235 welcome" if logged_in else "535 no")
                elif verb in ("MAIL", "RSET", "NOOP"):
                    to = []
                    self.say("250 ok" if logged_in else "530 log in")
                elif verb == "RCPT":
                    to.append(line)
                    self.say("250 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    text = b""
                    while (part := self.rfile.readline()) not in (b".\r\n", b""):
                        text += part
                    mails.append((" ".join(to), text.decode()))
                    self.say("250 taken")
                else:
                    self.say("221 bye" if verb == "QUIT" else "502 no")

    serve(port, Session)
    return mails
