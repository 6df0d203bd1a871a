# A cluster of several servers on loopback addresses.
#
# test/t/ClusterTest.pm

package ClusterTest;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# new(name, nodes => 3, mode => 'Sync', factor => 1, strategy => 'BySeries',
#     shards => 6, more => lines of cluster.toml, conf => postgresql.conf,
#     net => a ClusterNet, with which the servers are not on loopback addresses)
#
# Servers are started, nothing is applied yet.
sub new
{
	my ($class, $name, %options) = @_;
	my $self = bless {
		nodes => 3,
		mode => 'Sync',
		factor => 1,
		strategy => 'BySeries',
		shards => 6,
		more => '',
		conf => '',
		%options,
		servers => []
	}, $class;

	for my $i (1 .. $self->{nodes})
	{
		my $server = PostgreSQL::Test::Cluster->new("$name$i");

		$server->init(extra => [ '--no-locale', '--encoding=UTF8' ]);
		if ($self->{net})
		{
			bless $server, 'ClusterNet::Server';
			$server->{rusts_place} = [ $self->{net}, $i ];
			$server->append_conf('pg_hba.conf',
				'host all all ' . $self->address($i) . '/24 trust');
		}
		$server->append_conf('postgresql.conf', <<"END");
listen_addresses = '${\ $self->address($i)}'
shared_preload_libraries = 'rusts'
max_prepared_transactions = 20
max_worker_processes = 20
fsync = off
log_statement = none
$self->{conf}
END
		$server->start;
		$server->safe_psql('postgres', 'CREATE EXTENSION rusts');
		push @{ $self->{servers} }, $server;
	}
	$self->write_config;
	return $self;
}

# The configuration of a node: shards in runs, replicas at the next nodes.
sub config
{
	my ($self, $number) = @_;
	my $n = $self->{nodes};
	my $text = <<"END";
node_id = "node$number"
cluster_name = "test"
replication_mode = "$self->{mode}"
replication_factor = $self->{factor}
shard_count = $self->{shards}
sharding_strategy = "$self->{strategy}"
$self->{more}
END

	for my $i (0 .. $n - 1)
	{
		my (@shards, @replicas);

		for my $shard (0 .. $self->{shards} - 1)
		{
			my $primary = int($shard * $n / $self->{shards});
			my $distance = ($i - $primary) % $n;

			push @shards, $shard if $distance == 0;
			push @replicas, $shard
			  if $distance > 0 && $distance < $self->{factor};
		}
		$text .= $self->node_config($i + 1, join(', ', @shards),
			join(', ', @replicas));
	}
	return $text;
}

sub node_config
{
	my ($self, $number, $shards, $replicas) = @_;

	return sprintf <<'END', $number, $self->address($number),

[[nodes]]
id = "node%d"
address = "%s:%d"
shards = [%s]
replica_shards = [%s]
END
	  $self->server($number)->port, $shards, $replicas // '';
}

sub address
{
	my ($self, $number) = @_;

	return $self->{net} ? $self->{net}->address($number) : '127.0.0.1';
}

sub write_config
{
	my ($self) = @_;

	for my $i (1 .. $self->{nodes})
	{
		my $path = $self->server($i)->data_dir . '/cluster.toml';

		open my $fh, '>', $path or die "could not write $path: $!";
		print $fh $self->config($i);
		close $fh or die "could not write $path: $!";
	}
	return;
}

# Numbered from 1.
sub server
{
	my ($self, $number) = @_;

	return $self->{servers}[ $number - 1 ];
}

sub apply
{
	my ($self) = @_;

	$self->server(1)->safe_psql('postgres', 'SELECT rusts_cluster_apply()');
	return;
}

sub sql
{
	my ($self, $number, $sql) = @_;

	return $self->server($number)->safe_psql('postgres', $sql);
}

# What a statement says on stderr; it must fail.
sub error
{
	my ($self, $number, $sql) = @_;
	my ($out, $err);
	my $status =
	  $self->server($number)
	  ->psql('postgres', $sql, stdout => \$out, stderr => \$err);

	isnt($status, 0, "fails: $sql");
	return $err;
}

# An aggregate of the rows of each part that these nodes have themselves: lists
# of values, one per node that has the part, by its name.
sub parts
{
	my ($self, $measurement, $aggregate, @nodes) = @_;
	my %parts;

	$aggregate =~ s/'/''/g;
	for my $i (@nodes)
	{
		my $rows = $self->sql($i, <<"END");
SELECT c.relname, (xpath('/row/n/text()', query_to_xml(format(
	'SELECT $aggregate AS n FROM %s', inhrelid::regclass), false, true, '')))[1]
FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
WHERE inhparent = '$measurement'::regclass AND c.relkind = 'r'
END
		for (split /\n/, $rows)
		{
			my ($name, $value) = split /\|/;

			push @{ $parts{$name} }, $value;
		}
	}
	return \%parts;
}

# Rows of a measurement that lie on a node itself.
sub own_rows
{
	my ($self, $number, $measurement) = @_;
	my $parts = $self->parts($measurement, 'count(*)', $number);
	my $rows = 0;

	$rows += $_->[0] for values %$parts;
	return $rows;
}

# A query gives the same on all nodes.
sub same_everywhere
{
	my ($self, $sql, $expected, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $i (1 .. $self->{nodes})
	{
		is($self->sql($i, $sql), $expected, "$test_name, node $i");
	}
	return;
}

sub stop
{
	my ($self) = @_;

	$_->stop('fast') for @{ $self->{servers} };
	return;
}

1;
