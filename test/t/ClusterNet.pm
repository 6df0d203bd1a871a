# A network for the servers of a cluster: each is in a network namespace of its
# own, linked to a bridge in the test's, and links can be cut.
#
# It takes no root: the test moves into a user namespace, before anything else
# (import does it), and all there is of the network goes with its processes.
#
# test/t/ClusterNet.pm

package ClusterNet;

use strict;
use warnings;

use IPC::Open2;
use PostgreSQL::Test::Utils;

sub import
{
	return if defined $ENV{RUSTS_TEST_NETWORK};

	# Where ip is, for accounts that are not to use it.
	$ENV{PATH} .= ':/usr/sbin:/sbin';
	my @unshare = (
		'unshare', '--user', "--map-user=$<",
		'--map-group=' . (split ' ', $()[0],
		'--keep-caps', '--net');

	# All that the network is made of.
	my $try = 'ip link add hub type bridge'
	  . ' && ip link add port1 type veth peer name eth0'
	  . ' && ip link set port1 master hub && unshare --net true';

	$ENV{RUSTS_TEST_NETWORK} =
	  system("@unshare sh -c '$try' >/dev/null 2>&1") == 0 ? 'yes' : 'no';
	exec @unshare, $^X, (map { "-I$_" } @INC), $0
	  if $ENV{RUSTS_TEST_NETWORK} eq 'yes';
	return;
}

# Why there is none, or nothing.
sub missing
{
	return $ENV{RUSTS_TEST_NETWORK} eq 'yes' ? undef :
	  'network namespaces are not permitted, or there is no ip';
}

sub ip
{
	system_or_bail('ip', @_);
	return;
}

# A network for so many nodes, numbered from 1.
sub new
{
	my ($class, $nodes) = @_;
	my $self = bless { pids => [], ends => [] }, $class;

	ip(qw(link set lo up));
	ip(qw(link add hub type bridge));
	ip(qw(link set hub up));
	for my $i (1 .. $nodes)
	{
		# It lasts until its input ends, as it does when this process does.
		my $pid = open2(my $out, my $in, qw(unshare --net sh -c),
			'echo there; exec cat >/dev/null');

		<$out> eq "there\n" or die 'no namespace';
		push @{ $self->{ends} }, [ $in, $out ];
		push @{ $self->{pids} }, $pid;
		ip(qw(link add), "port$i", qw(type veth peer name eth0 netns), $pid);
		ip(qw(link set), "port$i", qw(master hub up));
		for (
			[ qw(link set lo up) ],
			[ 'addr', 'add', $self->address($i) . '/24', 'dev', 'eth0' ],
			[ qw(link set eth0 up) ])
		{
			system_or_bail($self->inside($i), 'ip', @$_);
		}
	}
	return $self;
}

sub address
{
	my ($self, $i) = @_;

	return "10.77.0.$i";
}

# What runs a command in a node's namespace.
sub inside
{
	my ($self, $i) = @_;

	return ('nsenter', '-t', $self->{pids}[ $i - 1 ], '-n');
}

# Nothing goes to a node or comes from it, and nobody is told.
sub cut
{
	my ($self, $i) = @_;

	ip('link', 'set', "port$i", 'down');
	return;
}

# Nodes do not see each other, but all others.
sub part
{
	my ($self, @nodes) = @_;

	ip('link', 'set', "port$_", 'type', 'bridge_slave', 'isolated', 'on')
	  for @nodes;
	return;
}

# So many kilobits a second go to a node.
sub slow
{
	my ($self, $i, $rate) = @_;

	system_or_bail('tc', 'qdisc', 'add', 'dev', "port$i", 'root', 'tbf',
		'rate', "${rate}kbit", 'burst', '4kb', 'limit', '1mb');
	return;
}

sub heal
{
	my ($self, $i) = @_;

	ip('link', 'set', "port$i", 'up');
	ip('link', 'set', "port$i", 'type', 'bridge_slave', 'isolated', 'off');
	system("tc qdisc del dev port$i root 2>/dev/null");
	return;
}

# A server that is started in there.
package ClusterNet::Server;

use parent -norequire, 'PostgreSQL::Test::Cluster';

sub start
{
	my ($self, @params) = @_;
	my ($net, $i) = @{ $self->{rusts_place} };
	my $dir = $self->basedir . '/inside';
	my $pg_ctl = "$dir/pg_ctl";

	if (!-e $pg_ctl)
	{
		my ($real) = grep { -x } map { "$_/pg_ctl" } split /:/, $ENV{PATH};

		mkdir $dir or die "could not make $dir: $!";
		open my $fh, '>', $pg_ctl or die "could not write $pg_ctl: $!";
		print $fh "#!/bin/sh\nexec ", join(' ', $net->inside($i)),
		  " '$real' \"\$@\"\n";
		close $fh;
		chmod 0755, $pg_ctl;
	}
	local $ENV{PATH} = "$dir:$ENV{PATH}";
	return $self->SUPER::start(@params);
}

1;
