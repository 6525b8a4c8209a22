# Textos do portal.

language = Idioma
error-title = Erro: { $title }
start-page = Ir para a página inicial

## Estados

heading-stranger = Não vemos o seu dispositivo
heading-blocked = Este dispositivo está bloqueado
heading-online = Você está online
heading-paused = Seu acesso está em pausa
heading-ready = Seu acesso está pronto
heading-used-up = Seu acesso terminou
heading-new = Boas-vindas
heading-closed = Fechado agora
stranger = Esta página é para dispositivos ligados a esta rede. Entre na rede Wi-Fi, espere um momento e tente de novo.
try-again = Tentar de novo
blocked = Ele não pode usar esta rede. Se acha que é um engano, fale com a equipe.
pause = Pausar
while-paused = Em pausa, nada é gasto. Você pode continuar quando quiser.
while-paused-days-go-on = Em pausa, não se gasta tempo nem dados. O prazo de uso continua a correr.
connect = Conectar
get-more = Obter mais
go-on = Continuar
ask-the-staff = Para ficar online, fale com a equipe.
no-voucher-yet = Ainda não tem um voucher? Fale com a equipe.
welcome-choose = Escolha como ficar online.
go-on-with = Você pode continuar com uma destas opções:
soon-time = Restam menos de { $time }.
soon-data = Restam menos de { $data }.
soon-closes = Fechamos { $when }. O que lhe resta fica guardado.
closed-until = Está fechado agora. Abre de novo { $when }.
offline = Esta rede está sem conexão à Internet neste momento.
offline-time-goes-on = Seu tempo continua a contar enquanto você está online. Pause para guardar o que tem.
offline-nothing-used = Enquanto isso, nada é gasto.
offline-days-go-on = Enquanto isso, não se gasta tempo nem dados. O prazo de uso continua a correr.
dismiss = Dispensar
please-choose = Escolha uma opção
terms = Termos de uso
terms-accept = Aceito os termos de uso
terms-read = Ler
terms-missing = Por favor, aceite os termos de uso.
loads-itself = { $count ->
    [one] Esta página recarrega sozinha a cada segundo.
   *[other] Esta página recarrega sozinha a cada { $count } segundos.
}
stop-that = Parar de recarregar

## Sessão

time-left = Tempo restante
data-left = Dados restantes
of-whole = de { $whole }
no-limit = Sem limite
more-sessions = { $count ->
    [one] Mais 1 sessão espera por você
   *[other] Mais { $count } sessões esperam por você
}
other-paused = restam { $left }, em pausa
other-new = { $left }, ainda não usada
use-this = Usar esta agora
speed = Até { $speed }
speed-down = Até { $down } de download
speed-up = Até { $up } de upload
speed-both = Até { $down } de download e { $up } de upload
mbps = { $number } Mbit/s
can-be-used-for = Pode ser usado por mais { $time }
can-be-used-from = { $count ->
    [one] Pode ser usado por 1 dia a partir da primeira conexão
   *[other] Pode ser usado por { $count } dias a partir da primeira conexão
}
ended-used-up = Você gastou tudo.
ended-expired = O prazo dele terminou.
ended-time = O tempo acabou.
ended-data = Os dados acabaram.
ended-staff = A equipe o encerrou.
ended-revoked = O voucher dele foi cancelado.
ended-moved = Ele foi passado para outro dispositivo.
used-of = { $used } de { $whole } usados

## Dispositivo conhecido com outro endereço

welcome-back = Que bom ter você de volta
left-from-earlier = Restam { $left } da sua visita anterior.
left-and-more = { $count ->
    [one] Restam { $left } e mais 1 sessão da sua visita anterior.
   *[other] Restam { $left } e mais { $count } sessões da sua visita anterior.
}
left-both = { $first } e { $second }
left-without-limit = acesso sem limite
bring-over = Trazer para cá
recovery-have = Tenho um código de recuperação
recovery-enter = Já esteve aqui com este telefone? Digite o código que a página mostrava.
recovery-code = Código de recuperação
recovery-keep = Se trocar de telefone, digite este código:
recovery-missing = Digite o seu código de recuperação.
recovery-too-long = Isso é longo demais para um código.
recovery-letters = O código tem caracteres que não podem ser usados aqui.
nothing-to-bring = Não há nada para trazer.
was-brought = Foi trazido.

## Tempos e quantidades

days-and-clock = { $count ->
    [one] 1 dia { $clock }
   *[other] { $count } dias { $clock }
}
days = { $count ->
    [one] 1 dia
   *[other] { $count } dias
}
hours = { $count ->
    [one] 1 hora
   *[other] { $count } horas
}
minutes = { $count ->
    [one] 1 minuto
   *[other] { $count } minutos
}
seconds = { $count ->
    [one] 1 segundo
   *[other] { $count } segundos
}
two-units = { $first } e { $second }
no-time = nenhum tempo
just-now = agora mesmo
minutes-ago = { $count ->
    [one] há 1 minuto
   *[other] há { $count } minutos
}
hours-ago = { $count ->
    [one] há 1 hora
   *[other] há { $count } horas
}
days-ago = { $count ->
    [one] há 1 dia
   *[other] há { $count } dias
}
short-days = { $count } d
short-hours = { $count } h
short-minutes = { $count } min
short-seconds = { $count } s
kilobytes = { $number } kB
megabytes = { $number } MB
gigabytes = { $number } GB
under-a-kilobyte = menos de 1 kB
or = { $first } ou { $second }
when-later = mais tarde
when-today = às { $time }
when-tomorrow = amanhã às { $time }
when-weekday = { $day } às { $time }
when-on = em { $day } de { $month } às { $time }
weekday-1 = segunda-feira
weekday-2 = terça-feira
weekday-3 = quarta-feira
weekday-4 = quinta-feira
weekday-5 = sexta-feira
weekday-6 = sábado
weekday-7 = domingo
month-1 = janeiro
month-2 = fevereiro
month-3 = março
month-4 = abril
month-5 = maio
month-6 = junho
month-7 = julho
month-8 = agosto
month-9 = setembro
month-10 = outubro
month-11 = novembro
month-12 = dezembro

## O que não funciona

code-unknown = Não conhecemos este código. Confira e tente de novo.
code-used = Este código já foi usado.
code-revoked = Este código foi cancelado.
code-not-yet = Este código ainda não pode ser usado.
code-too-late = Este código não pode mais ser usado.
code-too-many = Códigos errados demais. Espere { $time } e tente de novo.
voucher-accepted = Seu voucher foi aceito.
device-blocked = Este dispositivo está bloqueado. Fale com a equipe.
not-on-sale = Isto não está mais à venda. Escolha outra opção.
not-offered = Isto não é mais oferecido. Escolha outra forma de entrar.
used-for-now = Por enquanto, você já gastou isto.
claimed = Isto já foi resgatado.
recovery-unknown = Não conhecemos este código, ou não resta nada nele. Confira e tente de novo.
moved-too-often = Isto mudou de dispositivo vezes demais hoje. Fale com a equipe.
same-device = É o mesmo dispositivo.
nothing-left = Não resta nada com que se conectar.
device-unseen = Não vemos o seu dispositivo nesta rede.
too-many-online = Há dispositivos demais online. Tente de novo mais tarde.
not-ready = Ainda não estamos prontos. Tente de novo em um momento.
went-wrong = Algo deu errado aqui. Tente de novo.
form-too-much = Isto é demais para o formulário.
form-unreadable = Não foi possível ler o formulário. Tente de novo.
form-too-many = O formulário tem campos demais. Recarregue a página.
form-unknown-field = O formulário tem um campo desconhecido. Recarregue a página.
heading-done = Feito
heading-failed = Não funcionou
heading-moment = Um momento, por favor
heading-wrong-method = Isso não funciona aqui
wrong-method = Esta página não pode ser usada dessa forma.
heading-missing = Essa página não existe
missing = O endereço pode estar errado ou desatualizado.
heading-foreign = Isso não veio daqui
foreign = Outra página tentou enviar este formulário. Nada foi alterado.
heading-slow = Demorou demais
slow = Volte e tente de novo.

## O que dizem as formas de entrar

voucher-title = Voucher
voucher-text = Digite o código do seu voucher.
voucher-code = Código do voucher
voucher-button = Usar voucher
account-log-in = Entrar
account-name = Nome de usuário
account-password = Senha
account-log-out = Sair
account-is = Você entrou como { $name }.
account-out = Você saiu.
account-unknown = Não conhecemos este nome com esta senha. Confira os dois e tente de novo.
account-busy = Muita gente está entrando agora. Tente de novo em um momento.
account-too-many = Tentativas erradas demais. Espere { $time } e tente de novo.
account-on-another = Esta conta já está em uso em outro dispositivo. Saia lá primeiro.
account-on-many = Esta conta já está em uso em { $count } dispositivos. Saia lá primeiro.
account-elsewhere = O que esta conta tem está em uso em outro dispositivo. Saia lá primeiro.
account-changed = Algo acabou de mudar. Tente de novo em um momento.
account-nothing = Não resta nada nesta conta. Fale com a equipe.
account-later = Por enquanto, isto acabou. Haverá mais { $when }.
account-gone = Esta conta não existe mais. Fale com a equipe.
account-full = Esta conta está em uso em todos os dispositivos que pode ter. Saia em um deles primeiro.
account-disabled = Esta conta foi desativada. Fale com a equipe.
account-expired = Esta conta expirou. Fale com a equipe.
free-title = Acesso grátis
free-button = Conectar grátis
free-name = Seu nome
free-email = Seu e-mail
free-phone = Seu número de telefone
free-terms = Aceito os termos de uso
free-terms-at = Aceito os termos de uso: { $url }
free-later = Por enquanto, você já gastou isto. Haverá mais { $when }.
free-today = Grátis hoje: { $grant }
free-this-week = Grátis esta semana: { $grant }
free-this-month = Grátis este mês: { $grant }
sign-in-silent = Não é possível verificar a entrada agora. Tente de novo em um momento.
not-here = Isso não pode ser feito aqui.
coin-title = Moedas
coin-button = Inserir moedas
coin-prices = { $prices }
coin-what = Para quê
coin-time = Tempo
coin-data = Dados
coin-both = Tempo e dados
coin-insert = Insira as moedas agora. Cada moeda recomeça a contagem.
coin-so-far = { $money } até agora: { $grant }. Insira mais ou toque em Pronto.
coin-so-far-rest = { $money } até agora: { $grant }. { $rest } ficam guardados para a sua próxima visita. Insira mais ou toque em Pronto.
coin-not-enough = { $money } até agora. Insira mais: ainda não é o bastante.
coin-done = Pronto
coin-cancel = Cancelar
coin-credit = Você tem { $money } de crédito aqui: { $grant }.
coin-use = Usar
coin-kept = Seus { $money } ficam guardados para a sua próxima visita.
coin-noted = Seu dinheiro está anotado. Tente de novo.
coin-noted-as = { $why } Seu dinheiro está anotado como crédito.
coin-not-now = Não é possível liberar seu acesso agora.
coin-wait = Outra pessoa está usando o moedeiro. Espere, por favor.
coin-place = Outra pessoa está usando o moedeiro. Você é o número { $place } da fila.
coin-asking = Há pedidos demais. Tente de novo.
coin-line-full = Há gente demais esperando pelo moedeiro. Tente de novo mais tarde.
coin-trouble = O moedeiro não pode ser usado agora. Tente de novo em um momento.
no-button = Esse botão não existe.
form-tick = Marque: { $label }
form-fill = Preencha: { $label }
form-too-long = { $label }: é longo demais.
form-wrong = { $label }: não pode estar certo.
form-twice = { $label }: foi enviado duas vezes.
form-letters = { $label }: tem caracteres que não podem ser usados aqui.
