/** `ifab completion SHELL`: a script that asks `ifab __complete` for what may come next. */
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import type { CommandRun } from '../tree/command.ts';

// `__complete` prints a candidate a line, its description behind a tab. No line, or one that is `:files`, leaves the
// word to the shell's own completion of files.

const BASH = `# bash completion of ifab; put it where your bash-completion looks, or: source <(ifab completion bash)
_ifab() {
  local cur line candidates=()
  cur="\${COMP_WORDS[COMP_CWORD]}"
  while IFS= read -r line; do
    candidates+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ \${candidates[0]-} == ':files' ]]; then
    compopt -o default 2>/dev/null
    COMPREPLY=()
    return
  fi
  COMPREPLY=()
  for line in "\${candidates[@]}"; do
    [[ $line == "$cur"* ]] && COMPREPLY+=("$line")
  done
}
complete -F _ifab ifab infrafabric
`;

const ZSH = `#compdef ifab infrafabric
# zsh completion of ifab; put it into a folder of $fpath as _ifab
_ifab() {
  local -a candidates
  local line
  while IFS= read -r line; do
    [[ $line == ':files' ]] && { _files; return }
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe 'ifab' candidates
}
if [[ \${funcstack[1]} == _ifab ]]; then _ifab "$@"; else compdef _ifab ifab infrafabric; fi
`;

const FISH = `# fish completion of ifab; save it as ~/.config/fish/completions/ifab.fish
function __ifab_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$lines[1]" = ':files'
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\\n' $lines
end
complete -c ifab -f -a '(__ifab_complete)'
complete -c infrafabric -f -a '(__ifab_complete)'
`;

const POWERSHELL = `# PowerShell completion of ifab; add to $PROFILE: ifab completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName ifab, infrafabric -ScriptBlock {
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($word -eq '') { $words += '' }
  & $ast.CommandElements[0].ToString() __complete @words 2>$null | Where-Object { $_ -ne ':files' } | ForEach-Object {
    $name, $says = $_ -split "\`t", 2
    if (-not $says) { $says = $name }
    if ($name -like "$word*") {
      [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $says)
    }
  }
}
`;

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};

export const printCompletion: CommandRun = async ({ args, out }) => {
  const [shell = ''] = args;
  const script = SCRIPTS[shell];
  if (script === undefined) {
    throw cliError(
      'cli.usage',
      `there is no completion for “${shell}”`,
      `Take one of: ${Object.keys(SCRIPTS).join(', ')}`,
    );
  }
  out.data({ shell, script }, () => script);
  return EXIT_DONE;
};
