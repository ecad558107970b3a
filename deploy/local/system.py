"""Everything that is going to run, decided and written down before anything starts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from deploy.local.gateway_files import gateway_program
from deploy.local.ports import free_ports
from deploy.local.programs import Program
from deploy.local.run_directory import RunDirectory
from deploy.local.servers import Servers, prepare_servers
from deploy.local.service_processes import ServicePrograms, service_programs
from deploy.local.settings import Settings
from deploy.local.supervision import Group, Supervisor
from deploy.provisioning.databases import ServiceDatabase, service_databases
from deploy.provisioning.generated_secrets import GeneratedSecrets

_PORTS = 40


@dataclass(frozen=True, slots=True)
class System:
    """Servers, services and gateway, in the groups in which they start and stop."""

    servers: Servers
    databases: Mapping[str, ServiceDatabase]
    services: ServicePrograms
    supervisor: Supervisor
    foundation_group: Group
    server_group: Group
    service_group: Group
    gateway_group: Group

    @property
    def groups(self) -> tuple[Group, ...]:
        """Return the groups, the one that has to outlive all others first."""
        return (self.foundation_group, self.server_group, self.service_group, self.gateway_group)

    @property
    def database_urls(self) -> dict[str, str]:
        """Return the URL of each service's database."""
        admin_url = self.servers.postgres_admin_url
        return {service: database.url(admin_url) for service, database in self.databases.items()}

    @property
    def variable_names(self) -> set[str]:
        """Return the names of all variables that some program gets, and of nobody else's."""
        groups = [program for group in self.groups for program in group.programs]
        return {name for program in groups for name in program.environment}


def prepare_system(settings: Settings, run: RunDirectory, secrets: GeneratedSecrets) -> System:
    """Make data directories and configuration files of everything; start nothing."""
    ports = iter(free_ports(_PORTS))
    servers = prepare_servers(settings, secrets, ports)
    databases = service_databases(settings.database_prefix, secrets.databases)
    services = service_programs(settings, secrets, servers, databases, ports)
    system = System(
        servers=servers,
        databases=databases,
        services=services,
        supervisor=Supervisor(
            run.supervisor_configuration, run.logs, next(ports), secrets.supervisor
        ),
        foundation_group=Group("foundation", _all(each.foundation for each in servers.all)),
        server_group=Group("servers", _all(each.programs for each in servers.all)),
        service_group=Group("services", services.programs),
        gateway_group=Group("gateway", (gateway_program(settings, run, services.upstreams),)),
    )
    system.supervisor.write_configuration(system.groups)
    return system


def _all(programs: Iterable[tuple[Program, ...]]) -> tuple[Program, ...]:
    return tuple(chain.from_iterable(programs))
