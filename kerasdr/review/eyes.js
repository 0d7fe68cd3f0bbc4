// The rows of the CSV, in the order of the worklist.

const DATA = JSON.parse(at("data").textContent);

const DOUBTFUL = "doubtful photograph"; // how the reason of one begins that was graded all the same

const EYES = DATA.rows.map((cells, place) => {
  const eye = { place };
  DATA.columns.forEach((name, column) => { eye[name] = cells[column]; });
  eye.status = DATA.statuses[eye.status];
  eye.doubtful = eye.status === "graded" && eye.reason.startsWith(DOUBTFUL);
  eye.key = `${eye.sha256} ${eye.image}`;
  return eye;
});

const PEOPLE = new Map();
for (const eye of EYES) PEOPLE.set(eye.person, [...(PEOPLE.get(eye.person) || []), eye]);

// As whoever examines a person sees them: the right eye on the left hand.
const SIDES = { right: 0, left: 1, "": 2 };
const eyesOfPerson = (eye) => [...PEOPLE.get(eye.person)].sort((a, b) => SIDES[a.eye] - SIDES[b.eye] || a.place - b.place);

const shortName = (eye) => eye.image.slice(eye.image.lastIndexOf("/") + 1);
const eyeWords = (eye) => (eye.eye ? `${eye.eye} eye` : "eye not known from the name");
const gradeWords = (grade) => `${grade} ${DATA.grades[grade]}`;
const isReferable = (grade) => grade >= DATA.referable_from;
const reasonKind = (eye) => (eye.doubtful ? DOUBTFUL : eye.reason.split(":")[0]);
// What the decisions' CSV and its merge call it.
const machineGrade = (eye) => (eye.status === "graded" ? String(eye.grade) : eye.status);
const machineWords = (eye) => (eye.status === "graded" ? `grade ${gradeWords(eye.grade)}` : eye.status);
