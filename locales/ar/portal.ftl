# نصوص البوابة.

language = اللغة
error-title = خطأ: { $title }
start-page = إلى صفحة البداية

## الحالات

heading-stranger = لا نرى جهازك
heading-blocked = هذا الجهاز محظور
heading-online = أنت متصل بالإنترنت
heading-paused = اتصالك متوقف مؤقتًا
heading-ready = اتصالك جاهز
heading-used-up = انتهى اتصالك
heading-new = مرحبًا بك
heading-closed = مغلق الآن
stranger = هذه الصفحة للأجهزة المتصلة بهذه الشبكة. اتصل بشبكة الواي فاي وانتظر لحظة ثم حاول مرة أخرى.
try-again = حاول مرة أخرى
blocked = لا يمكنه استخدام هذه الشبكة. إذا كنت ترى أن هذا خطأ فاسأل الموظفين.
pause = إيقاف مؤقت
while-paused = أثناء الإيقاف المؤقت لا يُستهلك شيء. يمكنك المتابعة متى شئت.
while-paused-days-go-on = أثناء الإيقاف المؤقت لا يُستهلك وقت ولا بيانات، لكن مدة الصلاحية تستمر في الانقضاء.
connect = اتصال
get-more = الحصول على المزيد
go-on = متابعة
ask-the-staff = للاتصال بالإنترنت اسأل الموظفين.
no-voucher-yet = ليس لديك قسيمة بعد؟ اسأل الموظفين.
welcome-choose = اختر طريقة الاتصال بالإنترنت.
go-on-with = يمكنك المتابعة بإحدى هذه الطرق:
soon-time = بقي أقل من { $time }.
soon-data = بقي أقل من { $data }.
soon-closes = نغلق { $when }. ما تبقى لك محفوظ.
closed-until = الشبكة مغلقة الآن. تفتح من جديد { $when }.
offline = لا يوجد اتصال بالإنترنت في هذه الشبكة الآن.
offline-time-goes-on = يستمر احتساب وقتك ما دمت متصلًا. أوقفه مؤقتًا لتحتفظ بما لديك.
offline-nothing-used = لا يُستهلك شيء في هذه الأثناء.
offline-days-go-on = لا يُستهلك وقت ولا بيانات في هذه الأثناء، لكن مدة الصلاحية تستمر في الانقضاء.
dismiss = إخفاء
please-choose = اختر من فضلك
terms = شروط الاستخدام
terms-accept = أوافق على شروط الاستخدام
terms-read = اقرأها
terms-missing = يرجى الموافقة على شروط الاستخدام.
loads-itself = { $count ->
    [zero] تُحدَّث هذه الصفحة تلقائيًا باستمرار.
    [one] تُحدَّث هذه الصفحة تلقائيًا كل ثانية.
    [two] تُحدَّث هذه الصفحة تلقائيًا كل ثانيتين.
    [few] تُحدَّث هذه الصفحة تلقائيًا كل { $count } ثوانٍ.
    [many] تُحدَّث هذه الصفحة تلقائيًا كل { $count } ثانية.
   *[other] تُحدَّث هذه الصفحة تلقائيًا كل { $count } ثانية.
}
stop-that = إيقاف التحديث

## الجلسة

time-left = الوقت المتبقي
data-left = البيانات المتبقية
of-whole = من { $whole }
no-limit = بلا حد
more-sessions = { $count ->
    [zero] لا توجد جلسات أخرى في انتظارك
    [one] جلسة أخرى في انتظارك
    [two] جلستان أخريان في انتظارك
    [few] { $count } جلسات أخرى في انتظارك
    [many] { $count } جلسة أخرى في انتظارك
   *[other] { $count } جلسة أخرى في انتظارك
}
other-paused = بقي { $left }، متوقفة مؤقتًا
other-new = { $left }، لم تُستخدم بعد
use-this = استخدم هذه الآن
speed = حتى { $speed }
speed-down = حتى { $down } للتنزيل
speed-up = حتى { $up } للرفع
speed-both = حتى { $down } للتنزيل و{ $up } للرفع
mbps = { $number } ميغابت/ث
can-be-used-for = يمكن استخدامه لمدة { $time } أخرى
can-be-used-from = { $count ->
    [zero] يمكن استخدامه اليوم فقط
    [one] يمكن استخدامه لمدة يوم واحد من أول اتصال
    [two] يمكن استخدامه لمدة يومين من أول اتصال
    [few] يمكن استخدامه لمدة { $count } أيام من أول اتصال
    [many] يمكن استخدامه لمدة { $count } يومًا من أول اتصال
   *[other] يمكن استخدامه لمدة { $count } يوم من أول اتصال
}
ended-used-up = لقد استهلكته كله.
ended-expired = انتهت مدة صلاحيته.
ended-time = انتهى الوقت.
ended-data = نفدت البيانات.
ended-staff = أنهاه الموظفون.
ended-revoked = سُحبت قسيمته.
ended-moved = نُقل إلى جهاز آخر.
used-of = استُهلك { $used } من { $whole }

## جهاز معروف بعنوان جديد

welcome-back = مرحبًا بعودتك
left-from-earlier = بقي لديك { $left } من زيارتك السابقة.
left-and-more = { $count ->
    [zero] بقي لديك { $left } من زيارتك السابقة.
    [one] بقي لديك { $left } وجلسة أخرى من زيارتك السابقة.
    [two] بقي لديك { $left } وجلستان أخريان من زيارتك السابقة.
    [few] بقي لديك { $left } و{ $count } جلسات أخرى من زيارتك السابقة.
    [many] بقي لديك { $left } و{ $count } جلسة أخرى من زيارتك السابقة.
   *[other] بقي لديك { $left } و{ $count } جلسة أخرى من زيارتك السابقة.
}
left-both = { $first } و{ $second }
left-without-limit = اتصال بلا حد
bring-over = نقله إلى هنا
recovery-have = لدي رمز استعادة
recovery-enter = هل كنت هنا من قبل بهذا الهاتف؟ أدخل الرمز الذي كانت صفحته تعرضه.
recovery-code = رمز الاستعادة
recovery-keep = إذا غيّرت هاتفك فأدخل هذا الرمز:
recovery-missing = أدخل رمز الاستعادة.
recovery-too-long = هذا أطول من أن يكون رمزًا.
recovery-letters = في الرمز حروف لا يمكن استخدامها هنا.
nothing-to-bring = لم يبقَ شيء يمكن نقله.
was-brought = تم النقل.

## الأوقات والكميات

days-and-clock = { $count ->
    [zero] { $clock }
    [one] يوم { $clock }
    [two] يومان { $clock }
    [few] { $count } أيام { $clock }
    [many] { $count } يومًا { $clock }
   *[other] { $count } يوم { $clock }
}
days = { $count ->
    [zero] أقل من يوم
    [one] يوم واحد
    [two] يومين
    [few] { $count } أيام
    [many] { $count } يومًا
   *[other] { $count } يوم
}
hours = { $count ->
    [zero] أقل من ساعة
    [one] ساعة واحدة
    [two] ساعتين
    [few] { $count } ساعات
    [many] { $count } ساعة
   *[other] { $count } ساعة
}
minutes = { $count ->
    [zero] أقل من دقيقة
    [one] دقيقة واحدة
    [two] دقيقتين
    [few] { $count } دقائق
    [many] { $count } دقيقة
   *[other] { $count } دقيقة
}
seconds = { $count ->
    [zero] أقل من ثانية
    [one] ثانية واحدة
    [two] ثانيتين
    [few] { $count } ثوانٍ
    [many] { $count } ثانية
   *[other] { $count } ثانية
}
two-units = { $first } و{ $second }
no-time = لا وقت
just-now = الآن
minutes-ago = { $count ->
    [zero] الآن
    [one] قبل دقيقة
    [two] قبل دقيقتين
    [few] قبل { $count } دقائق
    [many] قبل { $count } دقيقة
   *[other] قبل { $count } دقيقة
}
hours-ago = { $count ->
    [zero] قبل أقل من ساعة
    [one] قبل ساعة
    [two] قبل ساعتين
    [few] قبل { $count } ساعات
    [many] قبل { $count } ساعة
   *[other] قبل { $count } ساعة
}
days-ago = { $count ->
    [zero] اليوم
    [one] قبل يوم
    [two] قبل يومين
    [few] قبل { $count } أيام
    [many] قبل { $count } يومًا
   *[other] قبل { $count } يوم
}
short-days = { $count } ي
short-hours = { $count } س
short-minutes = { $count } د
short-seconds = { $count } ث
kilobytes = { $number } كيلوبايت
megabytes = { $number } ميغابايت
gigabytes = { $number } غيغابايت
under-a-kilobyte = أقل من كيلوبايت
or = { $first } أو { $second }
when-later = لاحقًا
when-today = في الساعة { $time }
when-tomorrow = غدًا في الساعة { $time }
when-weekday = يوم { $day } في الساعة { $time }
when-on = في { $day } { $month } الساعة { $time }
weekday-1 = الاثنين
weekday-2 = الثلاثاء
weekday-3 = الأربعاء
weekday-4 = الخميس
weekday-5 = الجمعة
weekday-6 = السبت
weekday-7 = الأحد
month-1 = يناير
month-2 = فبراير
month-3 = مارس
month-4 = أبريل
month-5 = مايو
month-6 = يونيو
month-7 = يوليو
month-8 = أغسطس
month-9 = سبتمبر
month-10 = أكتوبر
month-11 = نوفمبر
month-12 = ديسمبر

## ما لم ينجح

code-unknown = لا نعرف هذا الرمز. تحقق منه وحاول مرة أخرى.
code-used = هذا الرمز مستخدم من قبل.
code-revoked = سُحب هذا الرمز.
code-not-yet = لا يمكن استخدام هذا الرمز بعد.
code-too-late = لم يعد من الممكن استخدام هذا الرمز.
code-too-many = رموز خاطئة كثيرة. انتظر { $time } ثم حاول مرة أخرى.
voucher-accepted = قُبلت قسيمتك.
device-blocked = هذا الجهاز محظور. اسأل الموظفين.
not-on-sale = لم يعد هذا معروضًا للبيع. اختر شيئًا آخر.
not-offered = لم يعد هذا متاحًا. اختر طريقة أخرى.
used-for-now = لقد استهلكت هذا في الوقت الحالي.
claimed = استُلم هذا من قبل.
recovery-unknown = لا نعرف هذا الرمز أو لم يبقَ فيه شيء. تحقق منه وحاول مرة أخرى.
moved-too-often = نُقل هذا مرات كثيرة اليوم. اسأل الموظفين.
same-device = هذا هو الجهاز نفسه.
nothing-left = لم يبقَ شيء تتصل به.
device-unseen = لا نرى جهازك في هذه الشبكة.
too-many-online = عدد الأجهزة المتصلة كبير. حاول مرة أخرى لاحقًا.
not-ready = لسنا جاهزين بعد. حاول مرة أخرى بعد لحظة.
went-wrong = حدث خطأ هنا. حاول مرة أخرى.
form-too-much = هذا أكثر مما يسعه النموذج.
form-unreadable = تعذرت قراءة النموذج. حاول مرة أخرى.
form-too-many = في النموذج حقول كثيرة. أعد تحميل الصفحة.
form-unknown-field = في النموذج حقل غير معروف هنا. أعد تحميل الصفحة.
heading-done = تم
heading-failed = لم ينجح ذلك
heading-moment = لحظة من فضلك
heading-wrong-method = هذا لا يعمل هنا
wrong-method = لا يمكن استخدام هذه الصفحة بهذه الطريقة.
heading-missing = لا توجد صفحة كهذه
missing = قد يكون العنوان خاطئًا أو قديمًا.
heading-foreign = لم يأتِ هذا من هنا
foreign = حاولت صفحة أخرى إرسال هذا النموذج. لم يتغير شيء.
heading-slow = استغرق هذا وقتًا طويلًا
slow = ارجع وحاول مرة أخرى.

## ما تقوله طرق الدخول

voucher-title = قسيمة
voucher-text = أدخل رمز قسيمتك.
voucher-code = رمز القسيمة
voucher-button = استخدام القسيمة
account-log-in = تسجيل الدخول
account-name = اسم المستخدم
account-password = كلمة المرور
account-log-out = تسجيل الخروج
account-is = سجلت الدخول باسم { $name }.
account-out = سجلت الخروج.
account-unknown = لا نعرف هذا الاسم بكلمة المرور هذه. تحقق منهما وحاول مرة أخرى.
account-busy = يسجل كثيرون الدخول الآن. حاول مرة أخرى بعد لحظة.
account-too-many = محاولات خاطئة كثيرة. انتظر { $time } ثم حاول مرة أخرى.
account-on-another = هذا الحساب مستخدم على جهاز آخر. سجل الخروج هناك أولًا.
account-on-many = { $count ->
    [zero] هذا الحساب مستخدم الآن. سجل الخروج أولًا.
    [one] هذا الحساب مستخدم على جهاز آخر. سجل الخروج هناك أولًا.
    [two] هذا الحساب مستخدم على جهازين. سجل الخروج هناك أولًا.
    [few] هذا الحساب مستخدم على { $count } أجهزة. سجل الخروج هناك أولًا.
    [many] هذا الحساب مستخدم على { $count } جهازًا. سجل الخروج هناك أولًا.
   *[other] هذا الحساب مستخدم على { $count } جهاز. سجل الخروج هناك أولًا.
}
account-elsewhere = ما في هذا الحساب مستخدم على جهاز آخر. سجل الخروج هناك أولًا.
account-changed = تغير شيء للتو. حاول مرة أخرى بعد لحظة.
account-nothing = لم يبقَ شيء في هذا الحساب. اسأل الموظفين.
account-later = استُهلك هذا في الوقت الحالي. يتوفر المزيد { $when }.
account-gone = لم يعد هذا الحساب موجودًا. اسأل الموظفين.
account-full = هذا الحساب مستخدم على كل ما يُسمح له به من الأجهزة. سجل الخروج من أحدها أولًا.
account-disabled = هذا الحساب معطل. اسأل الموظفين.
account-expired = انتهت صلاحية هذا الحساب. اسأل الموظفين.
free-title = اتصال مجاني
free-button = الاتصال مجانًا
free-name = اسمك
free-email = بريدك الإلكتروني
free-phone = رقم هاتفك
free-terms = أوافق على شروط الاستخدام
free-terms-at = أوافق على شروط الاستخدام: { $url }
free-later = لقد استهلكت هذا في الوقت الحالي. يتوفر المزيد { $when }.
free-today = مجانًا اليوم: { $grant }
free-this-week = مجانًا هذا الأسبوع: { $grant }
free-this-month = مجانًا هذا الشهر: { $grant }
sign-in-silent = لا يمكن التحقق من الدخول الآن. حاول مرة أخرى بعد لحظة.
not-here = لا يمكن فعل هذا هنا.
coin-title = عملات معدنية
coin-button = إدخال عملات
# A mark from right to left, as the first letters are those of a currency.
coin-prices = { "\u200F" }{ $prices }
coin-what = لأجل ماذا
coin-time = وقت
coin-data = بيانات
coin-both = وقت وبيانات
coin-insert = أدخل العملات الآن. كل عملة تبدأ العد التنازلي من جديد.
coin-so-far = حتى الآن { $money }: { $grant }. أدخل المزيد أو اضغط على تم.
coin-so-far-rest = حتى الآن { $money }: { $grant }. يُحفظ { $rest } لزيارتك القادمة. أدخل المزيد أو اضغط على تم.
coin-not-enough = حتى الآن { $money }. أدخل المزيد: هذا لا يكفي بعد.
coin-done = تم
coin-cancel = إلغاء
coin-credit = لديك رصيد { $money } هنا: { $grant }.
coin-use = استخدامه
coin-kept = يُحفظ لك { $money } لزيارتك القادمة.
coin-noted = سُجل مالك. حاول مرة أخرى.
coin-noted-as = { $why } سُجل مالك رصيدًا.
coin-not-now = لا يمكن فتح الاتصال لك الآن.
coin-wait = شخص آخر يستخدم صندوق العملات. انتظر من فضلك.
coin-place = شخص آخر يستخدم صندوق العملات. رقمك في الانتظار { $place }.
coin-asking = الطلبات كثيرة. حاول مرة أخرى.
coin-line-full = كثيرون ينتظرون صندوق العملات. حاول مرة أخرى لاحقًا.
coin-trouble = لا يمكن استخدام صندوق العملات الآن. حاول مرة أخرى بعد لحظة.
no-button = لا يوجد زر كهذا.
form-tick = ضع علامة: { $label }
form-fill = املأ من فضلك: { $label }
form-too-long = { $label }: هذا طويل جدًا.
form-wrong = { $label }: لا يمكن أن يكون هذا صحيحًا.
form-twice = { $label }: أُرسل هذا مرتين.
form-letters = { $label }: فيه حروف لا يمكن استخدامها هنا.
