#!/usr/bin/env escript
%%! +S 1:1 +A 0 -noshell
%% record.escript - what Erlang/OTP's own supervisor does with a scenario, as a trace
%%
%%   record.escript FILE.scn            print the trace
%%   record.escript --write FILE.scn... write each beside its scenario, as FILE.exp
%%
%% Formats: tests/conformance/README.md.  Nothing of `supervisor` is replaced or patched.  What happens is told
%% to one process, the scribe, whose mailbox is the order: starts are told from the start functions, which run
%% in the supervisor; ends come as monitor messages.  One scheduler (+S 1:1) makes that order the causal one.
%% What no message tells is found when all is quiet: that a supervisor was told to stop (its trace shows the
%% parent's exit signal), and where it decided to shut down for a significant child (before its first stop).
-mode(compile).
-export([init/1, log/2, start_sup/3, start_worker/3, start_instance/4, start_branch/4]).

-record(sup, {name, parent, flags, restart, significant, shutdown}).
-record(worker, {name, parent, restart, significant, shutdown, onstop, fails = 0}).
-record(life, {name, kind, parent, n = 0, order = 0, started = false, end_by = supervisor}).
-record(entry, {kind, name, under = [], text, pid, order = 0}).

main(["--write" | Files]) -> setup(), lists:foreach(fun write/1, Files);
main([File]) -> setup(), io:put_chars(trace(File));
main(_) -> io:put_chars(standard_error, "usage: record.escript FILE.scn | --write FILE.scn...\n"), halt(2).

setup() ->
    logger:remove_handler(default),
    ok = logger:add_handler(scribe, ?MODULE, #{level => error}),
    process_flag(trap_exit, true).

write(File) ->
    ok = file:write_file(filename:rootname(File) ++ ".exp", trace(File)).

trace(File) ->
    {Declared, Events} = parse(File),
    Self = self(),
    register(scribe, spawn_link(fun() -> scribe(Self) end)),
    try run(Declared, Events) after tear_down() end.

%% ---- the file ------------------------------------------------------------------------------------

parse(File) ->
    {ok, Bytes} = file:read_file(File),
    Lines = [string:lexemes(hd(string:split(L, "#")), " \t\r") || L <- string:split(binary_to_list(Bytes), "\n", all)],
    Declared = [declare(L) || [First | _] = L <- Lines, First =:= "sup" orelse First =:= "worker"],
    {Declared, [tl(L) || ["do" | _] = L <- Lines]}.

declare([Kind, Name | Pairs]) ->
    Map = maps:from_list([list_to_tuple(string:split(P, "=")) || P <- Pairs]),
    Get = fun(Key, Default) -> maps:get(Key, Map, Default) end,
    Atom = fun(Key, Default) -> list_to_atom(Get(Key, Default)) end,
    Parent = case Get("parent", "-") of "-" -> none; P -> P end,
    case Kind of
        "sup" ->
            Flags = #{strategy => Atom("strategy", "one_for_one"),
                      intensity => list_to_integer(Get("intensity", "1")),
                      period => list_to_integer(Get("period", "5")),
                      auto_shutdown => Atom("auto_shutdown", "never")},
            #sup{name = Name, parent = Parent, flags = Flags, restart = Atom("restart", "permanent"),
                 significant = Atom("significant", "false"), shutdown = shutdown(Get("shutdown", "infinity"))};
        "worker" ->
            #worker{name = Name, parent = Parent, restart = Atom("restart", "permanent"),
                    significant = Atom("significant", "false"), shutdown = shutdown(Get("shutdown", "5000")),
                    onstop = Get("onstop", "obey"), fails = times(Get("fail_start", "0"))}
    end.

shutdown("brutal_kill") -> brutal_kill;
shutdown("infinity") -> infinity;
shutdown(Ms) -> list_to_integer(Ms).

times("inf") -> infinity;
times(N) -> list_to_integer(N).

%% ---- the tree ------------------------------------------------------------------------------------

spec(#worker{name = Name, parent = Parent} = W) ->
    #{id => Name, start => {?MODULE, start_worker, [Name, Parent, W#worker.onstop]}, type => worker,
      restart => W#worker.restart, significant => W#worker.significant, shutdown => W#worker.shutdown};
spec(#sup{name = Name, parent = Parent} = S) ->
    #{id => Name, start => {?MODULE, start_sup, [Name, Parent, S#sup.flags]}, type => supervisor,
      restart => S#sup.restart, significant => S#sup.significant, shutdown => S#sup.shutdown}.

template(#worker{name = Name, parent = Parent} = W) ->
    (spec(W))#{start => {?MODULE, start_instance, [Name, Parent, W#worker.onstop]}};
template(#sup{name = Name, parent = Parent} = S) ->
    (spec(S))#{start => {?MODULE, start_branch, [Name, Parent, S#sup.flags]}}.

init({Name, Parent, Flags}) ->
    Specs = tell({'begin', Name, Parent, self()}),
    {ok, {Flags, [case Flags of #{strategy := simple_one_for_one} -> template(W); _ -> spec(W) end || W <- Specs]}}.

start_sup(Name, Parent, Flags) ->
    case supervisor:start_link(?MODULE, {Name, Parent, Flags}) of
        {ok, Pid} -> tell({started, Name, Pid}), {ok, Pid};
        Error -> tell({failed, Name}), Error
    end.

start_instance(_Template, Parent, OnStop, Name) -> start_worker(Name, Parent, OnStop).
start_branch(_Template, Parent, Flags, Name) -> start_sup(Name, Parent, Flags).

start_worker(Name, Parent, OnStop) ->
    case tell({may_start, Name}) of
        {fail, Gate} ->
            Gate =:= none orelse through(Gate),
            tell({failed, Name}),
            {error, told_to_fail};
        ignore -> ignore;
        go ->
            Self = self(),
            Pid = spawn_link(fun() -> worker(Self, OnStop) end),
            receive {Pid, ready} -> ok end,
            tell({worker, Name, Parent, Pid}),
            {ok, Pid}
    end.

%% The operation is carried out by another process; when that waits for an answer, or is gone, it has reached
%% its target.
through(Op) ->
    Pid = spawn(fun() -> operate(Op) end),
    until(fun() -> case process_info(Pid, [status, current_function]) of
                       undefined -> true;
                       [{status, waiting}, {current_function, {gen, do_call, _}}] -> true;
                       _ -> false
                   end end).

worker(Sup, "obey") -> Sup ! {self(), ready}, obey();
worker(Sup, OnStop) -> process_flag(trap_exit, true), Sup ! {self(), ready}, trap(OnStop).

obey() -> receive {die, Reason} -> exit(Reason) end.

trap(OnStop) ->
    receive
        {die, Reason} -> exit(Reason);
        {'EXIT', _, killed} -> exit(killed);       % its supervisor was killed
        {'EXIT', _, Reason} -> told_to_stop(OnStop, Reason)
    end.

told_to_stop("ignore", _) -> trap("ignore");
told_to_stop("normal", _) -> exit(normal);
told_to_stop("crash", _) -> exit(crashed);
told_to_stop("slow:" ++ Ms, Reason) -> timer:sleep(list_to_integer(Ms)), exit(Reason).

%% A logger handler: runs in the process that reports.
log(#{msg := {report, #{label := {supervisor, shutdown}, report := Report}}}, _) ->
    case proplists:get_value(reason, Report) of
        reached_max_restart_intensity -> tell({giveup, self()});
        _ -> ok
    end;
log(_, _) -> ok.

%% ---- the scribe ----------------------------------------------------------------------------------

tell(What) ->
    Ref = make_ref(),
    scribe ! {self(), Ref, What},
    receive {Ref, Answer} -> Answer end.

-record(s, {lives = #{}, pids = #{}, last = #{}, parents = #{}, static = #{}, starts = #{}, fails = #{}, ignores = #{},
            gates = #{}, spawned = #{}, odd = #{}, told = [], gave_up = [], order = 0, trace = [], later = [],
            root_end = none, driver}).

scribe(Driver) -> scribe_loop(#s{driver = Driver}).

scribe_loop(S) ->
    receive
        {From, Ref, What} when is_reference(Ref) ->
            {Answer, S1} = scribe(What, S),
            From ! {Ref, Answer},
            scribe_loop(S1);
        {'DOWN', _, process, Pid, Reason} ->
            scribe_loop(ended(Pid, class(Reason), S));
        {trace, Pid, 'receive', {'EXIT', From, _}} ->
            scribe_loop(note_told(Pid, From, S));
        {trace, _, _, _} -> scribe_loop(S)
    end.

scribe({declare, Declared}, S) ->
    Parents = maps:from_list([{name(D), parent(D)} || D <- Declared]),
    Fails = maps:from_list([{W#worker.name, W#worker.fails} || #worker{} = W <- Declared]),
    Static = lists:foldl(fun(D, M) -> maps:update_with(parent(D), fun(L) -> L ++ [D] end, [D], M) end, #{}, Declared),
    {ok, S#s{parents = Parents, fails = Fails, static = Static}};
scribe({new, D}, S) ->                  % do start
    Fails = case D of #worker{fails = 0} -> S#s.fails; #worker{fails = F} -> (S#s.fails)#{name(D) => F}; _ -> S#s.fails end,
    {ok, S#s{parents = (S#s.parents)#{name(D) => parent(D)}, fails = Fails}};
scribe({'begin', Name, Parent, Pid}, S) ->
    monitor(process, Pid),
    erlang:trace(Pid, true, ['receive']),
    S1 = put_life(Pid, #life{name = Name, kind = sup, parent = Parent}, S),
    Below = declared(Name, S),
    Parents = maps:merge(S#s.parents, maps:from_list([{name(D), Name} || D <- Below])),
    {Below, line(["begin ", Name], S1#s{parents = Parents})};
scribe({may_start, Name}, S) ->
    case spend(Name, S#s.fails) of
        {true, Fails} ->
            {{fail, maps:get(Name, S#s.gates, none)}, S#s{fails = Fails, gates = maps:remove(Name, S#s.gates)}};
        false ->
            case spend(Name, S#s.ignores) of
                {true, Ignores} -> {ignore, line(["start_ignored ", Name], odd(Name, stopped, S#s{ignores = Ignores}))};
                false -> {go, S}
            end
    end;
scribe({failed, Name}, S) -> {ok, line(["start_failed ", Name], odd(Name, restarting, S))};
scribe({worker, Name, Parent, Pid}, S) ->
    monitor(process, Pid),
    {ok, started(Name, Pid, put_life(Pid, #life{name = Name, kind = worker, parent = Parent}, S))};
scribe({started, Name, Pid}, S) -> {ok, started(Name, Pid, S)};
scribe({giveup, Pid}, S) ->
    #life{name = Name} = maps:get(Pid, S#s.lives),
    {ok, line(["giveup ", Name, " intensity"], S#s{gave_up = [Pid | S#s.gave_up]})};
scribe({pid, Name}, S) -> {maps:get(Name, S#s.pids, none), S};
scribe({last_pid, Name}, S) -> {maps:get(Name, S#s.last, none), S};
scribe({parent, Name}, S) -> {maps:get(Name, S#s.parents, pool(hd(string:split(Name, ".")), S)), S};
scribe({starts, Name}, S) -> {maps:get(Name, S#s.starts, 0), S};
scribe({life, Pid}, S) -> {maps:get(Pid, S#s.lives, none), S};
scribe(lives, S) -> {S#s.lives, S};
scribe({odd, What, Pool}, S) -> {[N || {N, W} <- maps:to_list(S#s.odd), W =:= What, pool(N, S) =:= Pool], S};
scribe({not_odd, Name}, S) -> {ok, S#s{odd = maps:remove(Name, S#s.odd)}};
scribe({fails, Name, N}, S) -> {ok, S#s{fails = (S#s.fails)#{Name => N}}};
scribe({ignores, Name, N}, S) -> {ok, S#s{ignores = (S#s.ignores)#{Name => N}}};
scribe({gate, Name, Op}, S) -> {ok, S#s{gates = (S#s.gates)#{Name => Op}}};
scribe({instance, Pool}, S) ->          % the name of the next one; none: it is no pool
    case maps:get(Pool, S#s.static, []) of
        [D] ->
            T = name(D),
            N = maps:get(T, S#s.spawned, 0) + 1,
            Name = T ++ "." ++ integer_to_list(N),
            {Name, S#s{spawned = (S#s.spawned)#{T => N}, parents = (S#s.parents)#{Name => Pool}}};
        _ -> {none, S}
    end;
scribe({expect, Pid}, S) -> {ok, mark(Pid, event, S)};
scribe({kill, Pid}, S) ->               % it and all below it
    S1 = mark(Pid, event, S),
    #life{name = Name} = maps:get(Pid, S1#s.lives),
    Below = [P || {P, L} <- maps:to_list(S1#s.lives), lists:member(Name, under(L, S1))],
    {ok, lists:foldl(fun(P, A) -> mark(P, {lost, Pid}, A) end, S1, Below)};
scribe({line, Text}, S) -> {ok, line(Text, S)};
scribe({later, Text}, S) -> {ok, S#s{later = [[Text, $\n] | S#s.later]}};
scribe({root_end, Class}, S) -> {ok, S#s{root_end = Class}};
scribe(flush, S) ->
    {{resolve(lists:reverse(S#s.trace), S), lists:reverse(S#s.later), S#s.root_end},
     S#s{trace = [], later = [], told = [], gave_up = []}}.

%% Below an instance that is a branch stands what was declared below its template, with its number.
declared(Name, S) ->
    case string:split(Name, ".") of
        [Template, N] -> [numbered(D, N, Name) || D <- maps:get(Template, S#s.static, [])];
        _ -> maps:get(Name, S#s.static, [])
    end.

numbered(#worker{name = X} = W, N, Parent) -> W#worker{name = X ++ "." ++ N, parent = Parent};
numbered(#sup{name = X} = U, N, Parent) -> U#sup{name = X ++ "." ++ N, parent = Parent}.

name(#sup{name = N}) -> N;
name(#worker{name = N}) -> N.
parent(#sup{parent = P}) -> P;
parent(#worker{parent = P}) -> P.

pool(Name, S) -> maps:get(Name, S#s.parents, none).
put_life(Pid, Life, S) -> S#s{lives = (S#s.lives)#{Pid => Life}}.
mark(Pid, By, S) -> put_life(Pid, (maps:get(Pid, S#s.lives))#life{end_by = By}, S).
line(Text, S) -> S#s{trace = [#entry{kind = line, text = Text} | S#s.trace]}.

%% What a pool's which_children calls only by state.
odd(Name, What, S) -> S#s{odd = (S#s.odd)#{Name => What}}.

spend(Name, Map) ->
    case maps:get(Name, Map, 0) of
        0 ->
            case string:split(Name, ".") of
                [Template, _] -> spend(Template, Map);
                _ -> false
            end;
        infinity -> {true, Map};
        N -> {true, Map#{Name => N - 1}}
    end.

started(Name, Pid, S) ->
    N = maps:get(Name, S#s.starts, 0) + 1,
    Life = (maps:get(Pid, S#s.lives))#life{n = N, order = S#s.order, started = true},
    S1 = put_life(Pid, Life, S#s{order = S#s.order + 1, starts = (S#s.starts)#{Name => N},
                                 pids = (S#s.pids)#{Name => Pid}, last = (S#s.last)#{Name => Pid},
                                 odd = maps:remove(Name, S#s.odd)}),
    line(["start ", Name, " ", integer_to_list(N)], S1).

%% The supervisors above a life, the nearest first.
under(#life{parent = Parent}, S) -> above(Parent, S).
above(none, _) -> [];
above(Name, S) -> [Name | above(maps:get(Name, S#s.parents, none), S)].

class(normal) -> "normal";
class(shutdown) -> "shutdown";
class({shutdown, _}) -> "shutdown";
class(killed) -> "killed";
class(kill) -> "killed";
class(_) -> "abnormal".

note_told(Pid, From, S) ->
    Parent = case maps:get(Pid, S#s.lives, none) of
                 #life{parent = none} -> S#s.driver;
                 #life{parent = Name} -> maps:get(Name, S#s.pids, begun(Name, S));
                 none -> none
             end,
    if From =:= Parent -> S#s{told = [Pid | S#s.told]}; true -> S end.

%% A supervisor that starts has no entry by its name yet.
begun(Name, S) ->
    case [P || {P, #life{name = N, started = false}} <- maps:to_list(S#s.lives), N =:= Name] of [P | _] -> P; [] -> none end.

ended(Pid, Class, S) ->
    #life{name = Name} = Life = maps:get(Pid, S#s.lives),
    Gone = S#s{lives = maps:remove(Pid, S#s.lives),
               pids = case S#s.pids of #{Name := Pid} -> maps:remove(Name, S#s.pids); _ -> S#s.pids end},
    case Life of
        #life{started = false} -> Gone;             % told by its start function
        _ -> Gone#s{trace = [end_entry(Pid, Life, Class, S) | S#s.trace],
                    root_end = case Life#life.parent of none -> Class; _ -> S#s.root_end end}
    end.

end_entry(Pid, #life{name = Name, kind = Kind, n = N, order = Order, end_by = By} = Life, Class, S) ->
    Rest = [" ", Name, " ", integer_to_list(N), " ", Class],
    Entry = #entry{name = Name, under = under(Life, S), pid = Pid, order = Order},
    case {By, Kind} of
        {event, _} -> Entry#entry{kind = exit, text = ["exit", Rest]};
        {{lost, Top}, _} -> Entry#entry{kind = lost, text = ["lost", Rest], pid = Top};
        {supervisor, worker} -> Entry#entry{kind = stop, text = ["stop", Rest]};
        {supervisor, sup} -> Entry#entry{kind = sup_end, text = Rest}
    end.

%% What could not be said while it happened.
resolve(Entries, S) ->
    {Lost, Kept} = lists:partition(fun(#entry{kind = K}) -> K =:= lost end, Entries),
    Down = lists:foldl(fun(E, Done) -> sup_end(E, Done, S) end, [], Kept),
    Lines = lists:flatmap(fun(E) -> with_lost(E, Lost) end, lists:reverse(Down)),
    [[T, $\n] || #entry{text = T} <- pools_in_order(Lines)].

%% Done is reversed: the latest first.
sup_end(#entry{kind = sup_end, pid = Pid, text = Rest, name = Name, under = Under} = E, Done, S) ->
    case {lists:member(Pid, S#s.gave_up), lists:member(Pid, S#s.told)} of
        {true, _} -> escalate(Name, Under, "intensity") ++ [line_entry(["down", Rest]) | Done];
        {false, true} -> [E#entry{kind = stop, text = ["stop", Rest]} | Done];
        {false, false} ->
            Mine = fun(#entry{kind = K, under = U}) -> K =:= stop andalso lists:member(Name, U) end,
            {Stops, Before} = lists:splitwith(Mine, Done),
            escalate(Name, Under, "auto_shutdown") ++ [line_entry(["down", Rest]) | Stops] ++
                [line_entry(["giveup ", Name, " auto_shutdown"]) | Before]
    end;
sup_end(E, Done, _) -> [E | Done].

line_entry(Text) -> #entry{kind = line, text = Text}.

escalate(_, [], _) -> [];
escalate(Name, [Parent | _], Why) -> [line_entry(["escalate ", Name, " ", Parent, " ", Why])].

with_lost(#entry{kind = exit, pid = Pid} = E, Lost) ->
    [E | lists:reverse(lists:keysort(#entry.order, [L || #entry{pid = P} = L <- Lost, P =:= Pid]))];
with_lost(E, _) -> [E].

%% Instances of one pool that stopped one after the other: by number.
pools_in_order([#entry{kind = stop, name = Name, under = Under} = E | Rest]) ->
    case lists:member($., Name) of
        true ->
            Same = fun(#entry{kind = K, name = N, under = U}) ->
                           K =:= stop andalso U =:= Under andalso lists:member($., N) end,
            {More, After} = lists:splitwith(Same, Rest),
            lists:sort(fun(A, B) -> number(A#entry.name) =< number(B#entry.name) end, [E | More]) ++ pools_in_order(After);
        false -> [E | pools_in_order(Rest)]
    end;
pools_in_order([E | Rest]) -> [E | pools_in_order(Rest)];
pools_in_order([]) -> [].

number(Name) -> [_, N] = string:split(Name, "."), list_to_integer(N).

%% ---- the events ----------------------------------------------------------------------------------

run(Declared, Events) ->
    tell({declare, Declared}),
    [Root] = [D || #sup{parent = none} = D <- Declared],
    boot(Root),
    Boot = ["@ boot\n", flush(false)],
    {Traces, _} = lists:mapfoldl(fun event/2, 1, Events),
    [Boot, Traces, "@ final\n", final(Root#sup.name)].

boot(#sup{name = Name, flags = Flags}) ->
    case supervisor:start_link(?MODULE, {Name, none, Flags}) of
        {ok, Pid} -> tell({started, Name, Pid});
        {error, Reason} -> tell({failed, Name}), tell({root_end, class(Reason)})
    end,
    quiet().

event(Words, N) ->
    Head = ["@ ", integer_to_list(N), " ", lists:join(" ", Words), "\n"],
    WasDown = root_end() =/= none,
    case WasDown of
        true -> tell({line, "noop tree_down"});
        false -> operate(Words), quiet()
    end,
    {[Head, flush(WasDown)], N + 1}.

root_end() -> maps:get(root_end, tell_state()).
tell_state() -> #{root_end => case get(root_end) of undefined -> none; E -> E end}.

flush(WasDown) ->
    Ref = erlang:trace_delivered(all),
    receive {trace_delivered, all, Ref} -> ok end,
    {Lines, Later, RootEnd} = tell(flush),
    put(root_end, RootEnd),
    [Lines, Later, [["tree_down ", RootEnd, "\n"] || RootEnd =/= none, not WasDown]].

operate(["fail", X]) -> end_life(X, boom);
operate(["exit", X, "normal"]) -> end_life(X, normal);
operate(["exit", X, "shutdown"]) -> end_life(X, shutdown);
operate(["exit", X, "shutdown_term"]) -> end_life(X, {shutdown, done});
operate(["kill", X]) -> end_life(X, kill);
operate(["together" | Deaths]) -> together([string:lexemes(D, ":") || D <- Deaths]);
operate(["failstart", X, N]) -> tell({fails, X, times(N)});
operate(["ignorestart", X, N]) -> tell({ignores, X, times(N)});
operate(["gate", X | Op]) -> tell({gate, X, Op});
operate([Verb, X]) when Verb =:= "terminate"; Verb =:= "restart"; Verb =:= "delete" ->
    on_supervisor(X, tell({parent, X}), fun(Sup) -> result(Verb, X, administrate(Verb, Sup, X)) end);
operate(["start" | Declaration]) ->
    D = declare(Declaration),
    on_supervisor(name(D), parent(D), fun(Sup) ->
        tell({new, D}),
        result("start", name(D), called(fun() -> supervisor:start_child(Sup, spec(D)) end)) end);
operate(["spawn", P]) ->
    on_supervisor(P, P, fun(Sup) -> result("spawn", P, spawn_child(Sup, tell({instance, P}))) end);
operate(["count", S]) ->
    on_supervisor(S, S, fun(Sup) -> ask(S, fun() -> ["count ", S, " ", counts(Sup)] end) end);
operate(["which", S]) ->
    on_supervisor(S, S, fun(Sup) -> ask(S, fun() ->
        ["which ", S, " ", lists:join(",", [[N, "=", State] || {N, State, _} <- children(S, Sup)])] end) end);
operate(["shutdown"]) ->
    Root = hd([P || {P, #life{parent = none}} <- maps:to_list(tell(lives))]),
    exit(Root, shutdown);
operate(["sleep", Ms]) -> timer:sleep(list_to_integer(Ms));
operate(["align", Ms]) ->
    Phase = erlang:monotonic_time(millisecond) rem 1000,
    timer:sleep(((list_to_integer(Ms) - Phase) rem 1000 + 1000) rem 1000).

end_life(X, Reason) ->
    Pid = tell({pid, X}),
    case tell({life, Pid}) of
        #life{started = true, kind = sup} when Reason =:= kill -> tell({kill, Pid}), exit(Pid, kill), gone(Pid);
        #life{started = true, kind = sup} -> tell({line, ["noop ", X, " is_supervisor"]});
        #life{started = true} when Reason =:= kill -> tell({expect, Pid}), exit(Pid, kill), gone(Pid);
        #life{started = true} -> tell({expect, Pid}), Pid ! {die, Reason}, gone(Pid);
        _ -> tell({line, ["noop ", X, " not_running"]})
    end.

%% The scribe knows of it, and so does its supervisor's mailbox.
gone(Pid) -> until(fun() -> tell({life, Pid}) =:= none end).

together(Deaths) ->
    Parents = lists:usort([tell({pid, tell({parent, X})}) || [_, X | _] <- Deaths]) -- [none],
    [erlang:suspend_process(P) || P <- Parents],
    [operate(D) || D <- Deaths],
    [erlang:resume_process(P) || P <- Parents].

on_supervisor(Who, Name, Fun) ->
    Pid = tell({pid, Name}),
    case tell({life, Pid}) of
        #life{kind = sup, end_by = supervisor} -> Fun(Pid);     % not one that goes down with a killed one
        _ -> tell({line, ["noop ", Who, " no_supervisor"]})
    end.

administrate(Verb, Sup, X) ->
    Id = case lists:member($., X) andalso not lists:member($., tell({parent, X})) of      % a pool's own child
             true -> case tell({last_pid, X}) of none -> X; Pid -> Pid end;
             false -> X
         end,
    case Verb of
        "terminate" -> tell({not_odd, X}), called(fun() -> supervisor:terminate_child(Sup, Id) end);
        "restart" -> called(fun() -> supervisor:restart_child(Sup, Id) end);
        "delete" -> called(fun() -> supervisor:delete_child(Sup, Id) end)
    end.

%% It went down before it answered.
called(Fun) -> try Fun() catch exit:_ -> {error, not_found} end.

spawn_child(Sup, none) -> called(fun() -> supervisor:start_child(Sup, []) end);
spawn_child(Sup, Name) -> called(fun() -> supervisor:start_child(Sup, [Name]) end).

ask(S, Fun) -> tell({later, try Fun() catch exit:_ -> ["noop ", S, " no_supervisor"] end}).

result(Verb, X, Answer) -> tell({later, ["result ", Verb, " ", X, " ", answer(Answer)]}).

answer(ok) -> "ok";
answer({ok, undefined}) -> "ignored";
answer({ok, _}) -> "ok";
answer({error, {already_started, _}}) -> "already_started";
answer({error, Atom}) when Atom =:= not_found; Atom =:= running; Atom =:= restarting; Atom =:= already_present;
                           Atom =:= simple_one_for_one -> atom_to_list(Atom);
answer({error, {Bad, _}}) when Bad =:= invalid_significant; Bad =:= invalid_child_spec -> "invalid";
answer({error, {bad_combination, _}}) -> "invalid";
answer({error, _}) -> "start_error".

counts(Sup) ->
    lists:join(" ", [[atom_to_list(K), "=", integer_to_list(V)] || {K, V} <- supervisor:count_children(Sup)]).

%% {Name, State, Pid} in start order.  A pool does not say who is restarting, or has no process.
children(S, Sup) ->
    Children = lists:reverse(supervisor:which_children(Sup)),
    Odd = #{restarting => tell({odd, restarting, S}), undefined => tell({odd, stopped, S})},
    {Named, _} = lists:mapfoldl(fun child/2, Odd, Children),
    case Children of
        [{undefined, _, _, _} | _] -> lists:sort(fun({A, _, _}, {B, _, _}) -> number(A) =< number(B) end, Named);
        _ -> Named
    end.

child({undefined, Pid, _, _}, Odd) when is_pid(Pid) ->
    #life{name = Name} = tell({life, Pid}),
    {{Name, "running", Pid}, Odd};
child({undefined, What, _, _}, Odd) ->
    [Name | More] = maps:get(What, Odd),
    {{Name, state(What), none}, Odd#{What => More}};
child({Name, Child, _, _}, Odd) -> {{Name, state(Child), Child}, Odd}.

state(Pid) when is_pid(Pid) -> "running";
state(restarting) -> "restarting";
state(undefined) -> "stopped".

final(Root) ->
    case tell({pid, Root}) of
        none -> "= down\n";
        Pid -> final({Root, "running", Pid}, 0)
    end.

final({Name, State, Pid}, Depth) ->
    Line = ["= ", lists:duplicate(2 * Depth, $\s), Name, " ", integer_to_list(tell({starts, Name})), " ", State],
    case tell({life, Pid}) of
        #life{kind = sup} ->
            [Line, " ", counts(Pid), "\n" | [final(C, Depth + 1) || C <- children(Name, Pid)]];
        _ -> [Line, "\n"]
    end.

%% ---- quiet ---------------------------------------------------------------------------------------

%% Every process waits, where it waits when it has nothing to do, and nothing is in its mailbox.
quiet() -> until(fun() -> still() andalso still() end).

still() ->
    erlang:yield(),
    Lives = tell(lives),
    lists:all(fun idle/1, maps:keys(Lives)) andalso
        process_info(whereis(scribe), message_queue_len) =:= {message_queue_len, 0} andalso
        tell(lives) =:= Lives.

idle(Pid) ->
    case process_info(Pid, [status, message_queue_len, current_function]) of
        [{status, waiting}, {message_queue_len, 0}, {current_function, {M, F, _}}] ->
            {M, F} =:= {gen_server, loop} orelse (M =:= ?MODULE andalso (F =:= obey orelse F =:= trap));
        _ -> false
    end.

until(Done) -> until(Done, 0).
until(Done, Tries) ->
    case Done() of
        true -> ok;
        false when Tries < 200 -> erlang:yield(), until(Done, Tries + 1);
        false when Tries < 60200 -> timer:sleep(1), until(Done, Tries + 1);
        false -> error({never_quiet, [{L, process_info(P)} || {P, L} <- maps:to_list(tell(lives))]})
    end.

tear_down() ->
    Lives = tell(lives),
    [begin unlink(P), exit(P, kill) end || P <- maps:keys(Lives)],
    Scribe = whereis(scribe),
    unlink(Scribe),
    exit(Scribe, kill),
    Ref = monitor(process, Scribe),
    receive {'DOWN', Ref, _, _, _} -> ok end,
    erase(root_end),
    forget().

forget() -> receive _ -> forget() after 0 -> ok end.
