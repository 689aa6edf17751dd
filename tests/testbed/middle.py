# SPDX-License-Identifier: Apache-2.0
"""A network half that was taken over: it stands where the node's port is, with the node's own TLS
key, and changes what passes. Towards the real one it uses the client's key, which a real attacker
does not have: the point is what happens to bytes on the way, not who may connect. Only the standard
library and openssl(1)."""
import socket
import ssl
import subprocess
import threading


class Middle:
    def __init__(self, listen, to, node_dir, client_key, workdir):
        self.to = to.rsplit(":", 1)
        self.inbound = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inbound.load_cert_chain(f"{node_dir}/tls.crt", f"{node_dir}/tls.key")
        cert = f"{workdir}/middle.crt"
        subprocess.run(["openssl", "req", "-new", "-x509", "-key", client_key, "-subj", "/CN=x",
                        "-days", "1", "-out", cert], check=True, capture_output=True,
                       stdin=subprocess.DEVNULL)
        self.outbound = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.outbound.check_hostname = False
        self.outbound.verify_mode = ssl.CERT_NONE
        self.outbound.load_cert_chain(cert, client_key)
        self.up = self.down = lambda data: data
        self.port = socket.create_server(tuple([listen.rsplit(":", 1)[0],
                                                int(listen.rsplit(":", 1)[1])]))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                raw, _ = self.port.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            client = self.inbound.wrap_socket(raw, server_side=True)
            plain = socket.create_connection((self.to[0], int(self.to[1])))
            node = self.outbound.wrap_socket(plain)
        except (OSError, ssl.SSLError):
            raw.close()
            return
        back = threading.Thread(target=self.pump, args=(node, client, lambda d: self.down(d)),
                                daemon=True)
        back.start()
        self.pump(client, node, lambda d: self.up(d))
        back.join()
        client.close()
        node.close()

    @staticmethod
    def pump(source, sink, change):
        try:
            while data := source.recv(65536):
                sink.sendall(change(data))
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:  # also a change's own, which cuts the connection
            for side in (source, sink):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.port.close()
