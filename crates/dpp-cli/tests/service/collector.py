"""A collector of OpenTelemetry, of Google's protobuf library and OpenTelemetry's own definitions.

collector.py FOLDER [CERTIFICATE KEY]: writes its port to FOLDER/port, and each request it takes to FOLDER/last: the
resource, then a line for each family and each sample, named as Prometheus names them. What FOLDER/mood says, it does: "well",
"busy" (503), "broken" (500), "nonsense" (no HTTP), "page" (200, and a page for people), "picky" (rejects 3 values), "mute".
"""
import http.server, os, ssl, sys, threading
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest, ExportMetricsServiceResponse)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

folder = sys.argv[1]
path = lambda name: os.path.join(folder, name)

def write(name, text):
    with open(path(name + ".new"), "w") as file:
        file.write(text)
    os.rename(path(name + ".new"), path(name))

def number(value):
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)

def line(name, attributes, value, more=()):
    labels = [(a.key, a.value.string_value) for a in attributes] + list(more)
    inside = ",".join(f'{key}="{of}"' for key, of in labels)
    return f"{name}{{{inside}}} {number(value)}" if inside else f"{name} {number(value)}"

def cumulative(data, point):
    assert data.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert 10**18 < point.start_time_unix_nano <= point.time_unix_nano, point

def lines(metric):
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    assert metric.name and metric.description
    told = {"sum": "counter", "gauge": "gauge", "histogram": "histogram"}[kind]
    yield f"# TYPE {metric.name} {told}"
    assert kind != "sum" or data.is_monotonic
    for point in data.data_points:
        if kind == "gauge":
            assert point.time_unix_nano > 10**18
        else:
            cumulative(data, point)
        if kind != "histogram":
            assert point.WhichOneof("value") in ("as_int", "as_double")
            yield line(metric.name, point.attributes, getattr(point, point.WhichOneof("value")))
            continue
        up_to = 0
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        for count, bound in zip(point.bucket_counts, [*point.explicit_bounds, None]):
            up_to += count
            bound = "+Inf" if bound is None else number(bound)
            yield line(metric.name + "_bucket", point.attributes, up_to, [("le", bound)])
        assert up_to == point.count
        yield line(metric.name + "_sum", point.attributes, point.sum)
        yield line(metric.name + "_count", point.attributes, point.count)

class Collector(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        mood = open(path("mood")).read().strip()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if mood == "mute":
            return threading.Event().wait(60)
        if mood == "nonsense":
            return self.wfile.write(b"\0\xff" * 3000)
        if mood in ("busy", "broken"):
            return self.answer(503 if mood == "busy" else 500, b"not today")
        if mood == "page":
            return self.answer(200, b"<html>welcome</html>")
        assert self.path == "/v1/metrics" and self.headers["Content-Type"] == "application/json"
        # A field that is not there, or has another type, is an error.
        request = json_format.Parse(body, ExportMetricsServiceRequest())
        [of_one] = request.resource_metrics
        [scope] = of_one.scope_metrics
        resource = [f"{a.key}={a.value.string_value}" for a in of_one.resource.attributes]
        told = [told for metric in scope.metrics for told in lines(metric)]
        write("last", "\n".join(resource + told) + "\n")
        answer = ExportMetricsServiceResponse()
        if mood == "picky":
            answer.partial_success.rejected_data_points = 3
            answer.partial_success.error_message = "too old"
        self.answer(200, json_format.MessageToJson(answer).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Collector)
server.daemon_threads = True
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
write("port", str(server.server_port))
server.serve_forever()
