# SPDX-License-Identifier: Apache-2.0
"""Ports for servers that a test stops and starts again at the same place: below those that the kernel
gives to connections, one of which would sit on the port of a server that is away just then."""
import random
import socket


def free_port(family=socket.AF_INET, host="127.0.0.1"):
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        with socket.socket(family) as probe:
            try:
                probe.bind((host, port))
                return port
            except OSError:
                continue
