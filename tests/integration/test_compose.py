"""compose.yaml as Compose reads it. test_compose_up.py starts it."""

import os
import re
import shutil
import subprocess

import pytest
import yaml

from engines import DOCKER_HOST
from harness import ROOT, run_scrc

PROFILES = ("http", "single-runner", "fleet", "load-generator", "benchmark", "monitoring")
FLEET = ("scrc-1", "scrc-2", "scrc-3")
SERVERS = ("server", "runner", *FLEET)

compose = pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose")


def docker_compose(*words, seconds=60):
    """What it prints, with none of this environment: it is Debian's, and so is its Python."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DOCKER_HOST": DOCKER_HOST}
    done = subprocess.run(["docker-compose", *words], cwd=ROOT, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def config(*profiles):
    return yaml.safe_load(docker_compose(*[word for name in profiles for word in ("--profile", name)], "config"))


def started(services, *profiles):
    """Those of one of these profiles, or of none; some versions print the others too."""
    return {name for name, s in services.items()
            if not s.get("profiles") or set(s["profiles"]) & set(profiles)}


@pytest.fixture(scope="module")
def services():
    if not shutil.which("docker-compose"):
        pytest.skip("no docker-compose")
    return config(*PROFILES)["services"]


@compose
@pytest.mark.parametrize("profiles, names", [
    ((), {"server"}),
    (("http",), {"server"}),
    (("single-runner",), {"kafka", "runner"}),
    (("single-runner", "load-generator"), {"kafka", "runner", "simulator"}),
    (("fleet",), {"kafka", "postgres", "nginx", *FLEET}),
    (("fleet", "load-generator"), {"kafka", "postgres", "nginx", *FLEET, "simulator"}),
    (("http", "monitoring"), {"server", "prometheus", "grafana"}),
    (("benchmark",), {"kafka", "scrc-benchmark"}),
])
def test_profiles(profiles, names):
    with open(os.path.join(ROOT, ".env")) as f:
        (default,) = [line.strip().partition("=")[2] for line in f
                      if line.startswith("COMPOSE_PROFILES=")]
    assert started(config(*profiles)["services"], *(profiles or [default])) == names


def test_published_on_loopback_alone(services):
    published = {name: [p if isinstance(p, str) else f"{p.get('host_ip')}:{p['published']}"
                        for p in s.get("ports", [])] for name, s in services.items()}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert {name for name, ports in published.items() if ports} == {"server", "runner", "kafka", "nginx",
                                                                     "prometheus", "grafana"}


def test_health_and_order(services):
    assert all(services[name]["healthcheck"]["test"] for name in (*SERVERS, "kafka", "postgres"))
    for name in ("runner", *FLEET, "simulator", "scrc-benchmark"):
        assert services[name]["depends_on"]["kafka"]["condition"] == "service_healthy"
    for name in FLEET:
        assert services[name]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert not services["server"].get("depends_on")


def test_health_is_what_readyz_says(services, server):
    assert services["runner"]["healthcheck"]["test"] == ["CMD", "scrc", "--healthy"]
    with open(os.path.join(ROOT, "Dockerfile")) as f:
        assert re.search(r'^HEALTHCHECK .*CMD \["scrc", "--healthy"\]$', f.read().replace("\\\n", ""), re.M)

    def healthy(port):
        code, _, _ = run_scrc("--healthy", HTTP_LISTEN=f"0.0.0.0:{port}")
        return code == 0
    assert healthy(server.client.port)
    assert not healthy(1)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_reads_its_settings(services, tmp_path):
    """With the rules where the container has them."""
    files = targets(services["prometheus"])
    with open(os.path.join(ROOT, files["/etc/prometheus/prometheus.yml"])) as f:
        text = f.read()
    rules = os.path.join(ROOT, files["/etc/prometheus/alerts.yaml"])
    (tmp_path / "p.yaml").write_text(text.replace("/etc/prometheus/alerts.yaml", rules))
    done = subprocess.run(["promtool", "check", "config", str(tmp_path / "p.yaml")], capture_output=True, text=True)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert job["job_name"] == "scrc" and set(job["dns_sd_configs"][0]["names"]) == set(SERVERS)


def test_grafana_finds_dashboard_and_prometheus(services):
    files = {target: os.path.join(ROOT, source) for target, source in targets(services["grafana"]).items()
             if target.endswith((".yaml", ".json"))}
    assert all(os.path.isfile(source) for source in files.values()), files
    with open(files["/etc/grafana/provisioning/datasources/scrc.yaml"]) as f:
        (source,) = yaml.safe_load(f)["datasources"]
    assert source["url"] == "http://prometheus:9090" and "prometheus" in services
    with open(files["/etc/grafana/provisioning/dashboards/scrc.yaml"]) as f:
        (provider,) = yaml.safe_load(f)["providers"]
    board = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert board in files and os.path.dirname(board) == provider["options"]["path"]


def test_one_kafka_without_zookeeper(services):
    kafka = services["kafka"]
    assert kafka["image"].startswith("apache/kafka:")
    assert kafka["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert int(kafka["environment"]["KAFKA_NUM_PARTITIONS"]) >= 3
    assert not any("zookeeper" in s.get("image", "") for s in services.values())


def targets(service):
    """{path in the container: volume or path outside}"""
    parts = [v.split(":")[:2] if isinstance(v, str) else (v["source"], v["target"])
             for v in service.get("volumes", [])]
    return {target: source for source, target in parts}


def test_what_must_outlive_a_container_is_on_a_named_volume(services):
    named = set(config(*PROFILES)["volumes"])
    for name in SERVERS:
        assert targets(services[name])["/var/lib/scrc"] in named, name
    assert targets(services["kafka"])["/var/lib/kafka/data"] in named
    assert targets(services["postgres"])["/var/lib/postgresql/data"] in named
    own = {targets(services[name])["/var/lib/scrc"] for name in FLEET}
    assert len(own) == len(FLEET), "a DATA_DIR is one server's"


def test_settings_of_the_servers(services):
    settings = {name: services[name]["environment"] for name in SERVERS}
    assert all(s["HTTP_LISTEN"] == "0.0.0.0:8080" for s in settings.values())
    assert {name for name, s in settings.items() if s.get("KAFKA_BROKERS")} == {"runner", *FLEET}
    assert {name for name, s in settings.items() if s.get("STORE")} == set(FLEET)
    postgres = services["postgres"]["environment"]
    for name in FLEET:
        assert settings[name]["STORE"] == (f"postgres://{postgres['POSTGRES_USER']}:{postgres['POSTGRES_PASSWORD']}"
                                           f"@postgres/{postgres['POSTGRES_DB']}")
        assert settings[name]["KAFKA_COMMIT"] == "accepted"
    builds = {name: s["build"].get("target") for name, s in services.items() if "build" in s}
    assert builds == {**dict.fromkeys(SERVERS, "scrc"), "simulator": "simulator",
                      "scrc-benchmark": None}


def test_the_benchmark_leaves_its_files_outside(services):
    benchmark = services["scrc-benchmark"]
    assert targets(benchmark)["/logs/benchmarks"] == os.path.join(ROOT, "logs/benchmarks")
    assert targets(benchmark)["/var/run/docker.sock"] and benchmark["environment"]["KAFKA_BROKERS"]
    context = os.path.join(ROOT, benchmark["build"]["context"])
    with open(os.path.join(context, benchmark["build"]["dockerfile"])) as f:
        copied = [line.split()[1] for line in f if line.startswith("COPY ") and "--from" not in line]
    assert copied and all(os.path.isdir(os.path.join(context, path)) for path in copied)


def test_nginx_knows_every_server_of_the_fleet(services):
    (conf,) = [source for target, source in targets(services["nginx"]).items() if target.endswith("default.conf")]
    with open(os.path.join(ROOT, conf)) as f:
        assert re.findall(r"^    server (\S+):8080 ", f.read(), re.M) == list(FLEET)
    assert set(services["nginx"]["depends_on"]) == set(FLEET)
