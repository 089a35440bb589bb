" Vim syntax file
" Language: ehlo, dialogues that test mail servers
" Filenames: *.ehlo

if exists('b:current_syntax')
  finish
endif

let s:cpo_save = &cpo
set cpo&vim

syn case match
syn sync minlines=200

" What stands inside a line. Of two rules that fit at the same place the later one wins.
syn match ehloNumber contained /\%(^\|[[:blank:]]\)\@1<=\d\+\%(\.\d\+\)\=\%(ms\|[smh]\)\=\%([[:blank:]]\|$\)\@=/
syn match ehloEscape contained /\\\%(x\x\x\|.\)/
syn region ehloString contained oneline start=/"/ skip=/\\./ end=/"/ contains=ehloEscape,@ehloTemplates
syn match ehloFlag contained /\\[A-Za-z*]\+/
syn match ehloTag contained /\%([:=] \)\@2<=% \@=/
syn match ehloEllipsis contained /\%(^\|[[:blank:](]\)\@1<=\.\.\.\%([[:blank:])]\|$\)\@=/
syn match ehloStatus contained /\%([:=] \)\@2<=\%([2-5][0-9x]\{2}\%(|[2-5][0-9x]\{2}\)*\%([- ]\|$\)\@=\|+OK\%(|-ERR\)\=\|-ERR\)/
syn match ehloStatus contained /\<\%(OK\|NO\|BAD\|BYE\|PREAUTH\)\%(|\%(OK\|NO\|BAD\|BYE\|PREAUTH\)\)*\>/
syn match ehloLiteral contained /\~\=\%({{\)\@!{\%(<<\u[A-Z0-9_]*\|<[^}]\+\|=[^}]\+\|\d\+\)+\=}/
syn match ehloHereMark contained /[[:blank:]]\@1<=<<\u[A-Z0-9_]*/
syn match ehloParameter contained /[[:blank:]]\@1<=\a[A-Za-z0-9_-]*==\@!/
syn match ehloQuery contained /\<S\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=\.\l[a-z.]*\%((\d\+)\)\=/
syn match ehloOperator contained /==\|!=\|<=\|>=\|[[:blank:]]\@1<=[<>=][[:blank:]]\@=/
syn match ehloOperator contained /\<\%(not\|includes\|contains\|matches\|because\|every\|as\)\>/

" {{value}}, {{function(value)}}, {{name:type}}, and {{{{ for two braces.
syn region ehloTemplate contained oneline start=/{{/ end=/}}/ contains=ehloFunction,ehloType,ehloString
syn match ehloFunction contained /\<\h\w*(\@=/
syn match ehloType contained /:\@1<=\%(num\|word\|str\|list\|any\|hex\|date\)}\@=/
syn match ehloBraces contained /{{{{/
syn cluster ehloTemplates contains=ehloTemplate,ehloBraces

syn match ehloGroup contained /(?P\=<\w\+>/

syn cluster ehloPayload contains=ehloTag,ehloEllipsis,ehloLiteral,ehloFlag,@ehloTemplates
syn cluster ehloArguments contains=ehloNumber,ehloString,ehloHereMark,ehloParameter,@ehloTemplates

" Beginnings of lines.
syn match ehloClient contained /^\s*C\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=:/
syn match ehloServer contained /^\s*S\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=[?!>]\=[:=~]/
syn match ehloVerb contained /^\s*[CS]\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=\s\+\l[a-z0-9-]*/
syn match ehloKeyword contained /^\s*\%(let\|assert\|capture\|needs\|skip\|done\|if\|else\|end\|poll\|wait\|timeout\|include\|note\)\>/
syn match ehloFieldName contained /^\l\+:/
syn match ehloStepMark contained /^==/
syn match ehloStepNotes contained /(.*)\s*$/

" Lines.
syn match ehloField /^\%(format\|title\|id\|protocol\|ref\|level\|finding\|risk\|tags\|needs\|state\|messages\|timeout\|retry\|xfail\|role\):.*$/ contains=ehloFieldName
syn match ehloStep /^== .*$/ contains=ehloStepMark,ehloStepNotes
syn match ehloSend /^\s*C\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=:.*$/ contains=ehloClient,@ehloPayload
syn match ehloExpect /^\s*S\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=[?!>]\=[:=].*$/ contains=ehloServer,ehloStatus,@ehloPayload
syn match ehloRegex /^\s*S\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=[?!>]\=\~.*$/ contains=ehloServer,ehloEscape,ehloGroup,@ehloTemplates
syn match ehloVerbLine /^\s*[CS]\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=\s\+\l.*$/ contains=ehloVerb,@ehloArguments
syn match ehloStatement /^\s*\%(let\|assert\|capture\|needs\|skip\|done\|if\|else\|end\|poll\|wait\|timeout\|include\|note\)\>:\@!.*$/ contains=ehloKeyword,ehloQuery,ehloOperator,@ehloArguments
syn match ehloComment /^\s*#.*$/ contains=@Spell

" A line that holds <<END, and the text below it up to END; of several on a line the last one ends it.
syn region ehloHere keepend start=/^\s*[CS]\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=[?!>]\=[:=~].*{<<\z(\u[A-Z0-9_]*\)+\=}.*$/ end=/^\z1$/ contains=ehloHereLine,ehloHereVerb,@ehloTemplates
syn region ehloHere keepend start=/^\s*[CS]\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=\s\+\l.*[[:blank:]]<<\z(\u[A-Z0-9_]*\)\%([[:blank:]].*\)\=$/ end=/^\z1$/ contains=ehloHereLine,ehloHereVerb,@ehloTemplates
syn match ehloHereLine contained /^\s*[CS]\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=[?!>]\=[:=~].*{<<\u[A-Z0-9_]*+\=}.*$/ contains=ehloClient,ehloServer,ehloStatus,@ehloPayload
syn match ehloHereVerb contained /^\s*[CS]\%(\d\+\|@\a[A-Za-z0-9_-]*\)\=\s\+\l.*[[:blank:]]<<\u[A-Z0-9_]*\%([[:blank:]].*\)\=$/ contains=ehloVerb,@ehloArguments

hi def link ehloComment Comment
hi def link ehloFieldName Identifier
hi def link ehloField String
hi def link ehloStep Title
hi def link ehloStepMark Delimiter
hi def link ehloStepNotes Type
hi def link ehloClient Statement
hi def link ehloServer PreProc
hi def link ehloVerb Function
hi def link ehloKeyword Keyword
hi def link ehloQuery Identifier
hi def link ehloOperator Operator
hi def link ehloParameter Identifier
hi def link ehloNumber Number
hi def link ehloString String
hi def link ehloEscape SpecialChar
hi def link ehloBraces SpecialChar
hi def link ehloGroup Special
hi def link ehloRegex String
hi def link ehloStatus Constant
hi def link ehloTag Special
hi def link ehloFlag Special
hi def link ehloEllipsis Special
hi def link ehloLiteral Special
hi def link ehloHereMark Special
hi def link ehloHere String
hi def link ehloTemplate Special
hi def link ehloFunction Function
hi def link ehloType Type

let b:current_syntax = 'ehlo'

let &cpo = s:cpo_save
unlet s:cpo_save
