"""Expressions that use every operator and function, by what they may be compared to."""

from __future__ import annotations

ARITHMETIC = """
i+j; i-j; i*j; i*i; -i; abs(i); i//j; i//2; i//-1; i%j; i % -1; i%3; k//7; k%7; k*1000-u; u+k; j+k
k+1; k*k; u*2; u+1000; i/j; x+y; x-y; x*y; x/y; x//y; x%y; x%3; x*2; -x; abs(x); x+1; 1/x; j/0
f+1; f+g; f*g; f-g; f/3; f%g; f//2; f+0.1; f+j; f+x; f*i; -f; abs(f); mod(k, 5); i+null; -5%3
sign(x); sign(i); sign(f); floor(x); ceil(x); ceiling(f); floor(i); floor(f); sqrt(x); sqrt(abs(i))
round(x); round(f); round(i); round(k, 2); round(x, 2); round(x, -2); isnan(x); isinf(x)
isfinite(x); isnan(i); isfinite(f); 1 + 2 * 3 - -4; 2 * (3 + k); 10 - 2 - k; k - (3 - u)
-2 ** 2 + k; - k // 2; x ** 2; 1 % k; 1 // k * k; (2 - 1) % k; 1 / x * y; y * (1 / x); 1 / k * y
"""
CLOSE = """
ln(x); ln(i); ln(f); log10(x); log(x); log2(x); log10(k); exp(x); exp(k/10); exp(f); pow(x, y)
power(x, 3); x^0.5; 2**k; pow(k, 2); pow(x, j); e+1; e*1.5; e/3; round(e%2, 2); round(e, -1)
round(e)
-e; e+x; e*e; e-i; abs(e)
round(x, 3); round(f, 2); round(e, 1); floor(e); ceil(e); e+f; 1.5 * 2.25; e // 4
"""
LOGIC = """
i=j; i<>j; i!=j; i==j; i<j; i<=j; i>j; i>=j; x=y; x<>y; x<y; x<=y; x>y; x>=y; x>1.5; x>=0; x<2.5e0
x<=0.0; x=0; x=i; i=2.0; f=0.1; f>0.1; f<g; f=x; f=i; e=0.3; e>0.1; e<=x; u<k; b=c; b<>c; b<c; b>=c
b=1; c=k; x between 0 and 5; x between y and 5; i not between j and k; null between 1 and 2
b and c; b or c; not b; not (b and c or b); b and i>0; b or null; c and null; true or b; false and b
b is true; b is not true; b is false; b is null; b is unknown; i is not null; x isnull; x notnull
x is distinct from y; x is not distinct from y; b is distinct from c; s is distinct from r
i is distinct from null; d is distinct from date '2000-02-29'; i in (1, 2, 3); i in (1, null)
i not in (1, 2, 3, null); i in (j, k); x in (1.5, 2, 0.5); x in (y); s in ('a', 'abc', '', 'é')
s in ('a'); s not in ('a', null); b in (true, false); k in (1, 2, 3, 4, 5); null in (1, 2)
f in (0.5, 1.5); e in (0.1, 0.3); s in (r, 'x'); d in ('2000-02-29', '1969-12-31', '1900-03-01')
s = r; s <> r; s = 'a'; s <> ''; 'it''s' = s; i is null and b is null or c
"""
CHOICE = """
case when b then i else j end; case when b then 1.5e0 when c then x end
case when b then s else r end
case s when 'a' then 1 when 'abc' then 2 else 0 end; case i when j then 'same' end; if(b, s, 'no')
case when x > 0 then 'pos' when x < 0 then 'neg' else 'none' end; case when b then c else not c end
case when null then 1 else 2 end; case x when y then 1 when 0 then 2 else null end; if(i > 0, x, f)
case when b then d else date '2000-01-01' end; case when c then b end
case when b then null else c end
coalesce(i, j, 0); coalesce(x, y); coalesce(b, c); coalesce(s, 'none'); coalesce(f, x); ifnull(j, k)
coalesce(null, i); coalesce(f, g); coalesce(u, k); coalesce(b, 2); coalesce(d, t); coalesce(t, d)
nullif(i, 2); nullif(x, y); nullif(s, ''); nullif(b, c); nullif(i, x); nullif(j, null)
least(i, j); least(x, y); greatest(x, y, 1); greatest(i, j, k); least(k, 5); greatest(f, g)
least(x, i); greatest(d, date '2000-01-01'); least(t, d); least(k, u, 7); greatest(y, 0.5e0)
"""
CASTS = """
cast(x as float); cast(i as double); cast(x as smallint); cast(x as bigint); x::int
cast(e as integer)
cast(b as integer); cast(i as boolean); cast(x as boolean); cast(i as varchar); cast(b as varchar)
cast(i as tinyint); cast(k as utinyint); cast(j as float); cast(i as float); try_cast(x as integer)
try_cast(i as smallint); cast(t as date); cast(d as timestamp); cast(b as double); cast(f as int)
cast(u as int); cast(x as ubigint); cast(null as double); cast('2000-02-29' as date)
cast(f as double)
cast(y as real); cast(e as double) + 0; cast(k as boolean) or b
"""
TEXT = r"""
s like 'a%'; s like '%c'; s like 'a_c'; s like 'abc'; s like '%'; s like '_'; s like ''
s like '%b%'
s like 'a.c'; s like 'a\%'; s not like '%c'; s like '%%'; s like 'é'; s like '__'
s like '[a]%'; s like '🦆'
starts_with(s, 'a'); prefix(s, ''); ends_with(s, 'c'); suffix(s, '%c'); contains(s, '_')
contains(s, '')
s || 'x' || r; concat(s, 'x', r); concat(s); s like null; s || null; contains(s, '.'); s like 'a%c'
"""
DATES = """
year(t); quarter(t); month(t); week(t); day(t); dayofweek(t); isodow(t); dayofyear(t); hour(t)
minute(t); second(t); millisecond(t); microsecond(t); epoch(t); year(d); quarter(d); month(d)
weekofyear(d); dayofmonth(d); weekday(d); isodow(d); dayofyear(d); hour(d); second(d); epoch(d)
hour(h); minute(h); second(h); epoch(h); extract(dow from d); extract('year' from t)
date_part('doy', t); date_part('hours', t); d - date '2000-01-01'; date '2000-01-01' - d
d > '2000-01-01'; t > '2000-01-01'; t > d; d = t; t >= timestamp '2023-11-14 22:13:20.123456'
d <= d
date_diff('day', d, t); date_diff('month', t, d); datediff('year', t, d); date_diff('day', t, d)
date_diff('hour', t, timestamp '2000-01-01 00:30:00'); date_diff('minute', t, d)
date_diff('second', t, d); date_diff('quarter', t, d); date_diff('hours', d, date '1999-12-31')
"""


def split(text: str) -> tuple[str, ...]:
    """The expressions of a block."""
    return tuple(e.strip() for line in text.splitlines() for e in line.split(";") if e.strip())


EXACT = tuple(map(split, (ARITHMETIC, LOGIC, CHOICE, CASTS, TEXT, DATES)))
ALL = tuple(e for block in (*EXACT, split(CLOSE)) for e in block)
