# Rows as lines of line protocol, as far as they can be said so.
#
# test/diff/DiffLines.pm

package DiffLines;

use strict;
use warnings;

use Exporter 'import';
use Time::Local qw(timegm_modern);

our @EXPORT_OK = qw(has_lines line_of write_sql);

my %has_syntax = map { $_ => 1 } qw(float8 int8 text boolean);

# Can rows of the schema's measurement be written by lines?
sub has_lines
{
	my ($schema) = @_;
	my $time = $schema->{time};

	return 0 if $schema->{partitioned} || $time->{q} ne 'time' || $time->{type} ne 'timestamptz';
	foreach my $column (@{ $schema->{columns} })
	{
		return 0 if $column->{role} eq 'field' && !$has_syntax{ $column->{type} };
	}
	return 1;
}

sub escape
{
	my ($text) = @_;

	return $text =~ s/([,= ])/\\$1/gr;
}

# The text of a field's value, or undef.
sub field_value
{
	my ($column, $value) = @_;

	return '"' . $value =~ s/(["\\])/\\$1/gr . '"' if $column->{base} eq 'text';
	return $value . 'i' if $column->{base} eq 'int8';
	return $value =~ /nan|inf/i ? undef : $value if $column->{base} eq 'float8';
	return $value;
}

# Microseconds since 1970 of a time that is finite.
sub microseconds
{
	my ($text) = @_;
	my ($year, $month, $day, $hour, $minute, $second, $rest) =
	  $text =~ /^(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)(?:\.(\d+))?\+00$/
	  or return undef;

	return timegm_modern($second, $minute, $hour, $day, $month - 1, $year) * 1_000_000
	  + substr(($rest // '') . '000000', 0, 6);
}

# A row's line for some columns, of a precision; undef if there is none: lines
# know neither empty tags nor NaN, and what they leave out may have a default.
sub line_of
{
	my ($columns, $row, $precision) = @_;
	my ($key, @fields, $us) = ('t');
	my $ns = 0;

	foreach my $column (@$columns)
	{
		my $value = $row->[ $column->{idx} ];

		if (!defined $value)
		{
			return undef if $column->{role} eq 'time' || $column->{notnull} || defined $column->{default};
			next;
		}
		if ($column->{role} eq 'tag')
		{
			return undef if $value eq '';
			$key .= ',' . escape($column->{name}) . '=' . escape($value);
		}
		elsif ($column->{role} eq 'time') { $us = microseconds($value) // return undef }
		elsif ($column->{role} eq 'ns') { $ns = $value }
		else
		{
			push @fields, escape($column->{name}) . '=' . (field_value($column, $value) // return undef);
		}
	}
	return undef if !@fields || ($ns && $precision eq 'us');
	return "$key " . join(',', @fields) . ' ' . ($precision eq 'us' ? $us : $us * 1000 + $ns);
}

# A call of rusts_write.
sub write_sql
{
	my ($precision, @lines) = @_;

	return "SET search_path = m, public;\nSELECT rusts_write(\$lines\$" . join("\n", @lines)
	  . "\$lines\$, '$precision') \\g /dev/null\nSET search_path = public;\n";
}

1;
