# Textos del portal.

language = Idioma
error-title = Error: { $title }
start-page = Ir a la página de inicio

## Estados

heading-stranger = No vemos tu dispositivo
heading-blocked = Este dispositivo está bloqueado
heading-online = Estás en línea
heading-paused = Tu acceso está en pausa
heading-ready = Tu acceso está listo
heading-used-up = Tu acceso ha terminado
heading-new = Te damos la bienvenida
heading-closed = Cerrado ahora
stranger = Esta página es para dispositivos unidos a esta red. Conéctate al wifi, espera un momento y vuelve a intentarlo.
try-again = Volver a intentarlo
blocked = No puede usar esta red. Si crees que es un error, pregunta al personal.
pause = Pausar
while-paused = En pausa no se gasta nada. Puedes seguir cuando quieras.
while-paused-days-go-on = En pausa no se gasta tiempo ni datos. El plazo para usarlo sigue corriendo.
connect = Conectar
get-more = Conseguir más
go-on = Continuar
ask-the-staff = Para conectarte, pregunta al personal.
no-voucher-yet = ¿Aún no tienes un vale? Pregunta al personal.
welcome-choose = Elige cómo conectarte.
go-on-with = Puedes continuar con una de estas opciones:
soon-time = Quedan menos de { $time }.
soon-data = Quedan menos de { $data }.
soon-closes = Cerramos { $when }. Se guarda lo que te queda.
closed-until = Ahora está cerrado. Abre de nuevo { $when }.
offline = Esta red no tiene conexión a Internet en este momento.
offline-time-goes-on = Tu tiempo sigue corriendo mientras estás en línea. Pausa para conservar lo que tienes.
offline-nothing-used = Mientras tanto no se gasta nada.
offline-days-go-on = Mientras tanto no se gasta tiempo ni datos. El plazo para usarlo sigue corriendo.
dismiss = Descartar
please-choose = Elige una opción
terms = Condiciones de uso
terms-accept = Acepto las condiciones de uso
terms-read = Leerlas
terms-missing = Acepta las condiciones de uso, por favor.
loads-itself = { $count ->
    [one] Esta página se recarga sola cada segundo.
   *[other] Esta página se recarga sola cada { $count } segundos.
}
stop-that = Dejar de recargar

## Sesión

time-left = Tiempo restante
data-left = Datos restantes
of-whole = de { $whole }
no-limit = Sin límite
more-sessions = { $count ->
    [one] Tienes 1 sesión más en espera
   *[other] Tienes { $count } sesiones más en espera
}
other-paused = quedan { $left }, en pausa
other-new = { $left }, sin usar
use-this = Usar esta ahora
speed = Hasta { $speed }
speed-down = Hasta { $down } de bajada
speed-up = Hasta { $up } de subida
speed-both = Hasta { $down } de bajada y { $up } de subida
mbps = { $number } Mbit/s
can-be-used-for = Se puede usar durante { $time } más
can-be-used-from = { $count ->
    [one] Se puede usar durante 1 día desde la primera conexión
   *[other] Se puede usar durante { $count } días desde la primera conexión
}
ended-used-up = Lo has gastado todo.
ended-expired = Su plazo ha terminado.
ended-time = Se ha acabado el tiempo.
ended-data = Se han acabado los datos.
ended-staff = El personal la ha terminado.
ended-revoked = Su vale fue retirado.
ended-moved = Se ha pasado a otro dispositivo.
used-of = { $used } de { $whole } usados

## Dispositivo conocido con otra dirección

welcome-back = Hola de nuevo
left-from-earlier = Te quedan { $left } de tu visita anterior.
left-and-more = { $count ->
    [one] Te quedan { $left } y 1 sesión más de tu visita anterior.
   *[other] Te quedan { $left } y { $count } sesiones más de tu visita anterior.
}
left-both = { $first } y { $second }
left-without-limit = acceso sin límite
bring-over = Recuperarlo aquí
recovery-have = Tengo un código de recuperación
recovery-enter = ¿Ya estuviste aquí con este teléfono? Escribe el código que mostraba su página.
recovery-code = Código de recuperación
recovery-keep = Si cambias de teléfono, escribe este código:
recovery-missing = Escribe tu código de recuperación.
recovery-too-long = Es demasiado largo para un código.
recovery-letters = El código tiene caracteres que no se pueden usar aquí.
nothing-to-bring = No queda nada que recuperar.
was-brought = Se ha recuperado.

## Tiempos y cantidades

days-and-clock = { $count ->
    [one] 1 día { $clock }
   *[other] { $count } días { $clock }
}
days = { $count ->
    [one] 1 día
   *[other] { $count } días
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
two-units = { $first } y { $second }
no-time = nada de tiempo
just-now = ahora mismo
minutes-ago = { $count ->
    [one] hace 1 minuto
   *[other] hace { $count } minutos
}
hours-ago = { $count ->
    [one] hace 1 hora
   *[other] hace { $count } horas
}
days-ago = { $count ->
    [one] hace 1 día
   *[other] hace { $count } días
}
short-days = { $count } d
short-hours = { $count } h
short-minutes = { $count } min
short-seconds = { $count } s
kilobytes = { $number } kB
megabytes = { $number } MB
gigabytes = { $number } GB
under-a-kilobyte = menos de 1 kB
or = { $first } o { $second }
when-later = más tarde
when-today = a las { $time }
when-tomorrow = mañana a las { $time }
when-weekday = el { $day } a las { $time }
when-on = el { $day } de { $month } a las { $time }
weekday-1 = lunes
weekday-2 = martes
weekday-3 = miércoles
weekday-4 = jueves
weekday-5 = viernes
weekday-6 = sábado
weekday-7 = domingo
month-1 = enero
month-2 = febrero
month-3 = marzo
month-4 = abril
month-5 = mayo
month-6 = junio
month-7 = julio
month-8 = agosto
month-9 = septiembre
month-10 = octubre
month-11 = noviembre
month-12 = diciembre

## Lo que no funciona

code-unknown = No conocemos este código. Revísalo y vuelve a intentarlo.
code-used = Este código ya se ha usado.
code-revoked = Este código ha sido retirado.
code-not-yet = Este código todavía no se puede usar.
code-too-late = Este código ya no se puede usar.
code-too-many = Demasiados códigos erróneos. Espera { $time } y vuelve a intentarlo.
voucher-accepted = Tu vale ha sido aceptado.
device-blocked = Este dispositivo está bloqueado. Pregunta al personal.
not-on-sale = Esto ya no está a la venta. Elige otra opción.
not-offered = Esto ya no se ofrece. Elige otra forma de entrar.
used-for-now = Por ahora ya lo has gastado.
claimed = Esto ya se ha reclamado.
recovery-unknown = No conocemos este código, o no le queda nada. Revísalo y vuelve a intentarlo.
moved-too-often = Hoy se ha pasado demasiadas veces de un dispositivo a otro. Pregunta al personal.
same-device = Es el mismo dispositivo.
nothing-left = No queda nada con lo que conectarse.
device-unseen = No vemos tu dispositivo en esta red.
too-many-online = Hay demasiados dispositivos en línea. Vuelve a intentarlo más tarde.
not-ready = Aún no estamos listos. Vuelve a intentarlo en un momento.
went-wrong = Algo ha fallado aquí. Vuelve a intentarlo.
form-too-much = Es demasiado para el formulario.
form-unreadable = No se ha podido leer el formulario. Vuelve a intentarlo.
form-too-many = El formulario tiene demasiados campos. Vuelve a cargar la página.
form-unknown-field = El formulario tiene un campo desconocido. Vuelve a cargar la página.
heading-done = Hecho
heading-failed = No ha funcionado
heading-moment = Un momento, por favor
heading-wrong-method = Eso no funciona aquí
wrong-method = Esta página no se puede usar de esta manera.
heading-missing = No existe esa página
missing = Puede que la dirección esté mal escrita o sea antigua.
heading-foreign = Eso no vino de aquí
foreign = Otra página intentó enviar este formulario. No se ha cambiado nada.
heading-slow = Ha tardado demasiado
slow = Vuelve atrás e inténtalo de nuevo.

## Lo que dicen las formas de entrar

voucher-title = Vale
voucher-text = Escribe el código de tu vale.
voucher-code = Código del vale
voucher-button = Usar el vale
account-log-in = Iniciar sesión
account-name = Nombre de usuario
account-password = Contraseña
account-log-out = Cerrar sesión
account-is = Has iniciado sesión como { $name }.
account-out = Has cerrado la sesión.
account-unknown = No conocemos este nombre con esta contraseña. Revisa los dos y vuelve a intentarlo.
account-busy = Mucha gente está iniciando sesión ahora. Vuelve a intentarlo en un momento.
account-too-many = Demasiados intentos fallidos. Espera { $time } y vuelve a intentarlo.
account-on-another = Esta cuenta ya está en uso en otro dispositivo. Cierra primero la sesión allí.
account-on-many = Esta cuenta ya está en uso en { $count } dispositivos. Cierra primero la sesión allí.
account-elsewhere = Lo que tiene esta cuenta se está usando en otro dispositivo. Cierra primero la sesión allí.
account-changed = Algo acaba de cambiar. Vuelve a intentarlo en un momento.
account-nothing = A esta cuenta no le queda nada. Pregunta al personal.
account-later = Por ahora está gastado. Habrá más { $when }.
account-gone = Esta cuenta ya no existe. Pregunta al personal.
account-full = Esta cuenta está en uso en todos los dispositivos que puede tener. Cierra primero la sesión en uno de ellos.
account-disabled = Esta cuenta está desactivada. Pregunta al personal.
account-expired = Esta cuenta ha caducado. Pregunta al personal.
free-title = Acceso gratuito
free-button = Conectar gratis
free-name = Tu nombre
free-email = Tu correo electrónico
free-phone = Tu número de teléfono
free-terms = Acepto las condiciones de uso
free-terms-at = Acepto las condiciones de uso: { $url }
free-later = Por ahora ya lo has gastado. Habrá más { $when }.
free-today = Gratis hoy: { $grant }
free-this-week = Gratis esta semana: { $grant }
free-this-month = Gratis este mes: { $grant }
sign-in-silent = Ahora no se puede comprobar el acceso. Vuelve a intentarlo en un momento.
not-here = Eso no se puede hacer aquí.
coin-title = Monedas
coin-button = Insertar monedas
coin-prices = { $prices }
coin-what = Para qué
coin-time = Tiempo
coin-data = Datos
coin-both = Tiempo y datos
coin-insert = Inserta las monedas ahora. Con cada moneda la cuenta atrás empieza de nuevo.
coin-so-far = { $money } hasta ahora: { $grant }. Inserta más o pulsa Listo.
coin-so-far-rest = { $money } hasta ahora: { $grant }. Se guardan { $rest } para tu próxima visita. Inserta más o pulsa Listo.
coin-not-enough = { $money } hasta ahora. Inserta más: todavía no alcanza.
coin-done = Listo
coin-cancel = Cancelar
coin-credit = Tienes { $money } de saldo aquí: { $grant }.
coin-use = Usarlo
coin-kept = Tus { $money } se guardan para tu próxima visita.
coin-noted = Tu dinero está anotado. Vuelve a intentarlo.
coin-noted-as = { $why } Tu dinero está anotado como saldo.
coin-not-now = Ahora no se te puede dejar pasar.
coin-wait = Otra persona está usando el monedero. Espera, por favor.
coin-place = Otra persona está usando el monedero. Eres el número { $place } de la fila.
coin-asking = Hay demasiadas peticiones. Vuelve a intentarlo.
coin-line-full = Demasiada gente espera el monedero. Vuelve a intentarlo más tarde.
coin-trouble = El monedero no se puede usar ahora. Vuelve a intentarlo en un momento.
no-button = No existe ese botón.
form-tick = Marca la casilla: { $label }
form-fill = Rellena este campo: { $label }
form-too-long = { $label }: es demasiado largo.
form-wrong = { $label }: no puede ser correcto.
form-twice = { $label }: se ha enviado dos veces.
form-letters = { $label }: tiene caracteres que no se pueden usar aquí.
